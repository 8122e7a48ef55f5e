package org.eggsfs.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.eggsfs.fuse.kernel.Abi;
import org.eggsfs.fuse.kernel.Attributes;
import org.eggsfs.fuse.kernel.DirectoryPage;
import org.eggsfs.fuse.kernel.Entry;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseOperations;
import org.eggsfs.fuse.kernel.FuseRequest;
import org.eggsfs.fuse.kernel.SetAttributes;

/**
 * A local directory through FUSE, everything answered at once on the reader thread: what is left of
 * a figure when EggsFS is taken away. Knows what the benchmarks of a mount do, and no more.
 */
final class PassThroughFileSystem implements FuseOperations {
  private record Inode(long number, Path path) {}

  private final long cacheNanos;
  private final Map<Long, Inode> inodes = new ConcurrentHashMap<>();
  private final Map<Path, Inode> byPath = new ConcurrentHashMap<>();
  private final Map<Long, FileChannel> files = new ConcurrentHashMap<>();
  private final Map<Long, List<Path>> directories = new ConcurrentHashMap<>();
  private final AtomicLong numbers = new AtomicLong(Abi.ROOT_NODE + 1);

  PassThroughFileSystem(Path source, long cacheNanos) {
    this.cacheNanos = cacheNanos;
    inodes.put(Abi.ROOT_NODE, new Inode(Abi.ROOT_NODE, source));
  }

  private interface Work {
    void run() throws IOException;
  }

  private static void answer(FuseRequest request, Work work) {
    try {
      work.run();
    } catch (NoSuchFileException e) {
      request.error(Errno.ENOENT);
    } catch (FileAlreadyExistsException e) {
      request.error(Errno.EEXIST);
    } catch (IOException e) {
      request.error(Errno.EIO);
    }
  }

  private Path path(long node) throws IOException {
    Inode inode = inodes.get(node);
    if (inode == null) {
      throw new NoSuchFileException(Long.toString(node));
    }
    return inode.path;
  }

  private Path path(long parent, byte[] name) throws IOException {
    return path(parent).resolve(new String(name, StandardCharsets.UTF_8));
  }

  private Inode inode(Path path) {
    return byPath.computeIfAbsent(
        path,
        fresh -> {
          Inode inode = new Inode(numbers.getAndIncrement(), fresh);
          inodes.put(inode.number, inode);
          return inode;
        });
  }

  private static Attributes attributes(long number, Path path) throws IOException {
    BasicFileAttributes local = Files.readAttributes(path, BasicFileAttributes.class);
    long mtime = local.lastModifiedTime().to(TimeUnit.NANOSECONDS);
    int mode = local.isDirectory() ? Abi.S_IFDIR | 0755 : Abi.S_IFREG | 0644;
    return new Attributes(number, local.size(), mtime, mtime, mtime, mode, 1, 0, 0, 128 << 10);
  }

  private Entry entry(Path path) throws IOException {
    Inode inode = inode(path);
    return new Entry(inode.number, cacheNanos, cacheNanos, attributes(inode.number, path));
  }

  @Override
  public void lookup(FuseRequest request, long parent, byte[] name) {
    answer(request, () -> request.entry(entry(path(parent, name))));
  }

  @Override
  public void getAttributes(FuseRequest request, long node, long handle) {
    answer(request, () -> request.attributes(attributes(node, path(node)), cacheNanos));
  }

  @Override
  public void setAttributes(FuseRequest request, long node, SetAttributes change) {
    getAttributes(request, node, -1);
  }

  @Override
  public void mkdir(FuseRequest request, long parent, byte[] name, int mode) {
    answer(request, () -> request.entry(entry(Files.createDirectory(path(parent, name)))));
  }

  @Override
  public void unlink(FuseRequest request, long parent, byte[] name) {
    answer(
        request,
        () -> {
          Path path = path(parent, name);
          Files.delete(path);
          byPath.remove(path);
          request.ok();
        });
  }

  @Override
  public void rmdir(FuseRequest request, long parent, byte[] name) {
    unlink(request, parent, name);
  }

  @Override
  public void create(FuseRequest request, long parent, byte[] name, int flags, int mode) {
    answer(
        request,
        () -> {
          Path path = path(parent, name);
          long handle = numbers.getAndIncrement();
          files.put(
              handle,
              FileChannel.open(
                  path,
                  StandardOpenOption.CREATE,
                  StandardOpenOption.READ,
                  StandardOpenOption.WRITE));
          request.created(entry(path), handle, Abi.FOPEN_KEEP_CACHE);
        });
  }

  @Override
  public void open(FuseRequest request, long node, int flags) {
    answer(
        request,
        () -> {
          long handle = numbers.getAndIncrement();
          files.put(handle, FileChannel.open(path(node), StandardOpenOption.READ));
          request.opened(handle, Abi.FOPEN_KEEP_CACHE | Abi.FOPEN_NOFLUSH);
        });
  }

  @Override
  public void read(FuseRequest request, long node, long handle, long offset, int size) {
    answer(
        request,
        () -> {
          ByteBuffer into = request.dataBuffer(size);
          FileChannel file = files.get(handle);
          int done = 0;
          for (int n = 0; n >= 0 && into.hasRemaining(); done += Math.max(0, n)) {
            n = file.read(into, offset + done);
          }
          request.data(done);
        });
  }

  @Override
  public void write(
      FuseRequest request,
      long node,
      long handle,
      long offset,
      ByteBuffer data,
      boolean fromCache) {
    answer(request, () -> request.written(files.get(handle).write(data, offset)));
  }

  @Override
  public void release(FuseRequest request, long node, long handle) {
    answer(
        request,
        () -> {
          files.remove(handle).close();
          request.ok();
        });
  }

  @Override
  public void openDirectory(FuseRequest request, long node) {
    answer(
        request,
        () -> {
          long handle = numbers.getAndIncrement();
          try (Stream<Path> entries = Files.list(path(node))) {
            directories.put(handle, entries.toList());
          }
          request.opened(handle, Abi.FOPEN_CACHE_DIR);
        });
  }

  @Override
  public void readDirectory(
      FuseRequest request, long node, long handle, long offset, int size, boolean plus) {
    answer(
        request,
        () -> {
          List<Path> entries = new ArrayList<>(directories.get(handle));
          DirectoryPage page = request.page(size, plus);
          for (int i = (int) offset; i < entries.size(); i++) {
            byte[] name = entries.get(i).getFileName().toString().getBytes(StandardCharsets.UTF_8);
            if (!page.fits(name.length)) {
              break;
            }
            Entry entry = entry(entries.get(i));
            boolean directory = (entry.attributes().mode() & Abi.S_IFMT) == Abi.S_IFDIR;
            page.add(
                name,
                entry.node(),
                i + 1L,
                directory ? DirectoryPage.DT_DIR : DirectoryPage.DT_REG,
                plus ? entry : null);
          }
          request.page(page);
        });
  }

  @Override
  public void releaseDirectory(FuseRequest request, long node, long handle) {
    directories.remove(handle);
    request.ok();
  }
}
