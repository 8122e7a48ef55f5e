package org.eggsfs.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.ResolvedPath;
import org.eggsfs.client.Stat;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.CurrentEdge;

/**
 * Copies files, symlinks and trees out. A file is written under another name and renamed when it is
 * whole, so that an interrupted copy leaves no half file under a good name.
 */
final class CopyOut {
  private static final int BUFFER_SIZE = 1 << 20;
  private static final String PART_PREFIX = ".eggs-part-";

  private final EggsClient client;
  private final CopyJobs jobs;
  private final ProgressLine progress;
  private final boolean recursive;
  private final boolean synced;
  private final AtomicLong parts = new AtomicLong();

  /**
   * Nothing is copied yet.
   *
   * @param recursive directories too
   * @param synced a copy is done when it survives a crash of this machine
   */
  CopyOut(
      EggsClient client, CopyJobs jobs, ProgressLine progress, boolean recursive, boolean synced) {
    this.client = client;
    this.jobs = jobs;
    this.progress = progress;
    this.recursive = recursive;
    this.synced = synced;
  }

  /** Copies each source to {@code destination}, or into it where it is a directory. */
  void copy(List<String> given, String destination) throws IOException, CommandFailure {
    List<String> sources = EggsPath.parse(given);
    if (destination.equals("-")) {
      for (String source : sources) {
        copyToOutput(source);
      }
      return;
    }
    Path target = Path.of(destination);
    boolean into = Files.isDirectory(target);
    if (sources.size() > 1 && !into) {
      throw new CommandFailure(destination + ": no such directory");
    }
    for (String source : sources) {
      copyTop(source, target, into);
    }
  }

  private void copyToOutput(String source) throws CommandFailure {
    // Closing standard output would be wrong.
    @SuppressWarnings("resource")
    OutputStream bytes = new FileOutputStream(FileDescriptor.out);
    try (FileReader reader = client.paths().open(source);
        InputStream in = reader.stream()) {
      in.transferTo(bytes);
    } catch (EggsException | IOException e) {
      throw Failures.at(EggsPath.marked(source), e);
    }
  }

  private void copyTop(String source, Path target, boolean into) throws IOException {
    ResolvedPath resolved;
    try {
      resolved = client.paths().resolve(source);
    } catch (java.io.InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException e) {
      jobs.fail(EggsPath.marked(source) + ": " + Failures.words(e));
      return;
    }
    boolean named = !into || source.equals("/");
    Path to = named ? target : LocalNames.child(target, resolved.name());
    if (!InodeIds.isDirectory(resolved.id())) {
      copyEntry(resolved.id(), source, to, named);
    } else if (recursive) {
      copyDirectory(resolved.id(), source, to, named);
    } else {
      jobs.fail(EggsPath.marked(source) + ": is a directory; use -r");
    }
  }

  /**
   * Copies a directory with all that is in it.
   *
   * @param named whether the user has named the target; only then a symlink stands for what it
   *     leads to. One that lies in the way may lead out of the copy.
   */
  private void copyDirectory(long id, String source, Path target, boolean named)
      throws IOException {
    try {
      if (!named && Files.isSymbolicLink(target)) {
        throw new IOException("a symlink is where the directory should be");
      }
      makeDirectory(target);
      Edges.readCurrent(client, id, Edges.PORTION_MAX, edges -> copyAll(edges, source, target));
    } catch (java.io.InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException e) {
      jobs.fail(
          EggsPath.marked(source)
              + " -> "
              + EggsPath.shown(LocalNames.text(target))
              + ": "
              + Failures.words(e));
    }
  }

  private void copyAll(List<CurrentEdge> edges, String source, Path target) throws IOException {
    for (CurrentEdge edge : edges) {
      String path = EggsPath.child(source, EggsPath.text(edge.name()));
      Path to;
      try {
        to = LocalNames.child(target, edge.name());
      } catch (InvalidPathException e) {
        jobs.fail(EggsPath.marked(path) + ": its name is not possible here");
        continue;
      }
      if (InodeIds.isDirectory(edge.targetId())) {
        copyDirectory(edge.targetId(), path, to, false);
      } else {
        copyEntry(edge.targetId(), path, to, false);
      }
    }
  }

  private void makeDirectory(Path target) throws IOException {
    if (Files.isDirectory(target)) {
      return;
    }
    Path parent = target.toAbsolutePath().getParent();
    if (parent != null) {
      makeDirectory(parent);
    }
    Files.createDirectories(target);
    sync(target);
  }

  /** Sees to it that a name survives a crash. */
  private void sync(Path named) throws IOException {
    if (synced) {
      try (FileChannel directory = FileChannel.open(named.toAbsolutePath().getParent())) {
        directory.force(true);
      }
    }
  }

  private void copyEntry(long id, String source, Path target, boolean named) throws IOException {
    jobs.submit(
        EggsPath.marked(source),
        EggsPath.shown(LocalNames.text(target)),
        () -> {
          if (InodeIds.isSymlink(id)) {
            copySymlink(id, target);
          } else {
            copyFile(id, target, named);
          }
        });
  }

  private void copySymlink(long id, Path target) throws EggsException, IOException {
    Path text = LocalNames.path(client.files().readlink(id));
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      Files.delete(target);
    }
    Files.createSymbolicLink(target, text);
    sync(target);
  }

  private void copyFile(long id, Path target, boolean named) throws EggsException, IOException {
    Stat stat = client.inodes().stat(id);
    // A device or pipe is written to directly; renaming a file over it would replace it.
    if (Files.exists(target)
        && !Files.isRegularFile(target)
        && (named || !Files.isSymbolicLink(target))) {
      try (FileChannel to = FileChannel.open(target, StandardOpenOption.WRITE)) {
        copyBytes(id, stat, to);
      }
      return;
    }
    Path part = partOf(target);
    // New: whoever has put something there under this name does not get the bytes.
    FileChannel to =
        FileChannel.open(part, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
    try {
      try (to) {
        copyBytes(id, stat, to);
        if (synced) {
          to.force(true);
        }
      }
      Files.setLastModifiedTime(part, FileTime.from(Units.instant(stat.mtime())));
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
    sync(target);
  }

  /** A name beside a target; what a copy that was killed has left is passed over. */
  private Path partOf(Path target) {
    while (true) {
      Path part =
          target.resolveSibling(
              PART_PREFIX + ProcessHandle.current().pid() + "-" + parts.incrementAndGet());
      if (!Files.exists(part, LinkOption.NOFOLLOW_LINKS)) {
        return part;
      }
    }
  }

  private void copyBytes(long id, Stat stat, FileChannel to) throws EggsException, IOException {
    try (FileReader reader = client.files().open(id);
        InputStream in = reader.stream()) {
      byte[] buffer = new byte[Math.clamp(stat.size(), 1, BUFFER_SIZE)];
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, count);
        while (bytes.hasRemaining()) {
          to.write(bytes);
        }
        progress.addBytes(count);
      }
    }
  }
}
