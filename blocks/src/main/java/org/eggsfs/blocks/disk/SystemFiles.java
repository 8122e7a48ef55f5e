package org.eggsfs.blocks.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.function.Consumer;

/** The operating system's files. Without state; any thread. */
public final class SystemFiles implements DiskFiles {
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private static final Set<StandardOpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);

  private record SystemFile(FileChannel channel) implements File {
    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      return channel.read(target, position);
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      return channel.write(source);
    }

    @Override
    public long size() throws IOException {
      return channel.size();
    }

    @Override
    public void force() throws IOException {
      channel.force(true);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  @Override
  public File open(Path file) throws IOException {
    return new SystemFile(FileChannel.open(file, StandardOpenOption.READ));
  }

  @Override
  public File create(Path file) throws IOException {
    return new SystemFile(FileChannel.open(file, NEW, OWNER_ONLY));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
  }

  @Override
  public boolean delete(Path file) throws IOException {
    return Files.deleteIfExists(file);
  }

  @Override
  public boolean exists(Path file) throws IOException {
    try {
      Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  @Override
  public void createDirectories(Path directory) throws IOException {
    Files.createDirectories(directory);
  }

  @Override
  public void list(Path directory, Consumer<String> name) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        name.accept(file.getFileName().toString());
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  @Override
  public byte[] readFromMedium(Path file) throws IOException {
    try (Posix.Descriptor descriptor = Posix.open(file)) {
      Posix.dropCached(descriptor);
      return Files.readAllBytes(file);
    }
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  @Override
  public Held hold(Path directory) throws IOException {
    return Posix.open(directory);
  }

  @Override
  public void syncFileSystem(Held directory) throws IOException {
    Posix.syncFileSystem((Posix.Descriptor) directory);
  }

  @Override
  public Object fileSystem(Path directory) throws IOException {
    return Files.getFileStore(directory);
  }

  @Override
  public Space space(Path directory) throws IOException {
    FileStore store = Files.getFileStore(directory);
    return new Space(store.getTotalSpace(), store.getUsableSpace());
  }

  @Override
  public Held lock(Path file) throws IOException {
    Posix.Descriptor descriptor = Posix.open(file);
    boolean locked = false;
    try {
      locked = Posix.lock(descriptor);
      return locked ? descriptor : null;
    } finally {
      if (!locked) {
        descriptor.close();
      }
    }
  }
}
