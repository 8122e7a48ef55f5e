package org.eggsfs.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.stream.Stream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SetTimeRequest;

/**
 * Copies local files, symlinks and trees in. Directories are made by the walking thread, files by
 * jobs; a file becomes visible whole, with one link at its end.
 */
final class CopyIn {
  private static final long SET_TIME = Long.MIN_VALUE;

  private final EggsClient client;
  private final CopyJobs jobs;
  private final ProgressLine progress;
  private final boolean recursive;

  CopyIn(EggsClient client, CopyJobs jobs, ProgressLine progress, boolean recursive) {
    this.client = client;
    this.jobs = jobs;
    this.progress = progress;
    this.recursive = recursive;
  }

  /** Copies each source to {@code destination}, or into it where it is a directory. */
  void copy(List<String> sources, String destination)
      throws EggsException, IOException, CommandFailure {
    boolean into = MoveCommand.isDirectory(client, destination);
    if (sources.size() > 1 && !into) {
      throw new CommandFailure(
          ExitCodes.FAILED, EggsPath.marked(destination) + ": no such directory");
    }
    if (!sources.contains("-")) {
      countTotal(sources);
    }
    for (String source : sources) {
      if (source.equals("-")) {
        copyStream(destination, into);
        continue;
      }
      Path path = Path.of(source);
      Path name;
      try {
        name = into ? topName(path) : null;
      } catch (IOException e) {
        jobs.fail(source + ": " + local(e));
        continue;
      }
      copyTop(path, name == null ? destination : child(destination, name));
    }
  }

  /** The name that a source has, also where it is given as dots; null for the root. */
  private static Path topName(Path source) throws IOException {
    Path last = source.getFileName();
    return last == null || last.toString().matches("\\.{0,2}")
        ? source.toRealPath().getFileName()
        : last;
  }

  /** A local name goes in byte for byte. */
  private static String child(String target, Path local) {
    return EggsPath.child(target, EggsPath.text(LocalNames.name(local)));
  }

  private void copyStream(String destination, boolean isDirectory)
      throws CommandFailure, IOException {
    if (isDirectory) {
      throw new CommandFailure(destination + ": is a directory; name the file");
    }
    Directory parent = parent(destination);
    jobs.submit(
        "-",
        EggsPath.marked(destination),
        () -> {
          // The channel of standard input is not ours to close.
          write(parent.id(), EggsPath.name(destination), Channels.newChannel(System.in));
        });
  }

  private record Directory(long id, boolean fresh) {}

  private Directory parent(String path) throws CommandFailure, IOException {
    if (path.equals("/")) {
      throw new CommandFailure("/: is a directory");
    }
    String parent = EggsPath.parent(path);
    try {
      long id = client.paths().resolve(parent).id();
      if (!InodeIds.isDirectory(id)) {
        throw new CommandFailure(EggsPath.marked(parent) + ": is not a directory");
      }
      return new Directory(id, false);
    } catch (EggsException e) {
      throw Failures.at(EggsPath.marked(parent), e);
    }
  }

  private void copyTop(Path source, String target) throws IOException, CommandFailure {
    BasicFileAttributes attributes;
    try {
      attributes = read(source);
    } catch (IOException e) {
      jobs.fail(shown(source) + ": " + local(e));
      return;
    }
    if (attributes.isDirectory()) {
      if (!recursive) {
        jobs.fail(shown(source) + ": is a directory; use -r");
        return;
      }
      if (target.equals("/")) {
        copyContents(source, new Directory(InodeIds.ROOT, false), "/");
        return;
      }
      Directory parent = parent(target);
      copyDirectory(source, parent, target);
    } else {
      copyEntry(source, attributes, parent(target), target);
    }
  }

  private void copyDirectory(Path source, Directory parent, String target) throws IOException {
    Directory made;
    try {
      made = ensure(parent, EggsPath.bytes(EggsPath.name(target)));
    } catch (EggsException e) {
      jobs.fail(shown(source) + " -> " + EggsPath.marked(target) + ": " + Failures.words(e));
      return;
    }
    copyContents(source, made, target);
  }

  private void copyContents(Path source, Directory directory, String target) throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(source)) {
      for (Path entry : entries) {
        String path = child(target, entry);
        BasicFileAttributes attributes;
        try {
          attributes = read(entry);
        } catch (IOException e) {
          jobs.fail(shown(entry) + ": " + local(e));
          continue;
        }
        if (attributes.isDirectory()) {
          copyDirectory(entry, directory, path);
        } else {
          copyEntry(entry, attributes, directory, path);
        }
      }
    } catch (java.nio.file.DirectoryIteratorException e) {
      jobs.fail(shown(source) + ": " + local(e.getCause()));
    } catch (java.io.InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      jobs.fail(shown(source) + ": " + local(e));
    }
  }

  /** The directory called {@code name}, made if it is missing. */
  private Directory ensure(Directory parent, byte[] name) throws EggsException, IOException {
    if (!parent.fresh()) {
      try {
        long id = client.inodes().lookup(parent.id(), name);
        if (!InodeIds.isDirectory(id)) {
          throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
        }
        return new Directory(id, false);
      } catch (EggsException e) {
        if (e.code() != ErrorCode.NAME_NOT_FOUND) {
          throw e;
        }
      }
    }
    return new Directory(client.inodes().mkdir(parent.id(), name), true);
  }

  private void copyEntry(
      Path source, BasicFileAttributes attributes, Directory parent, String target)
      throws IOException {
    String to = EggsPath.marked(target);
    String name = EggsPath.name(target);
    if (attributes.isSymbolicLink()) {
      jobs.submit(shown(source), to, () -> copySymlink(source, parent.id(), name));
    } else if (attributes.isRegularFile()) {
      jobs.submit(shown(source), to, () -> copyFile(source, parent.id(), name));
    } else {
      jobs.fail(shown(source) + ": is neither file, directory nor symlink");
    }
  }

  private void copySymlink(Path source, long parent, String name)
      throws EggsException, IOException {
    byte[] text = LocalNames.bytes(Files.readSymbolicLink(source));
    client.files().symlink(parent, EggsPath.bytes(name), text);
  }

  private void copyFile(Path source, long parent, String name)
      throws EggsException, IOException, CommandFailure {
    try (FileChannel in = FileChannel.open(source)) {
      long file = write(parent, name, in);
      long mtime = Units.nanos(Files.getLastModifiedTime(source).toInstant());
      if (mtime >= 0) {
        client.shard(InodeIds.shard(file), new SetTimeRequest(file, mtime | SET_TIME, 0));
      }
    } catch (NoSuchFileException | java.nio.file.AccessDeniedException e) {
      throw new CommandFailure(shown(source) + ": " + local(e));
    }
  }

  private long write(long parent, String name, ReadableByteChannel in)
      throws EggsException, IOException {
    try (FileWriter writer = client.files().create(parent, EggsPath.bytes(name))) {
      writer.transferFrom(new Counted(in, progress));
      return writer.commit();
    }
  }

  private static String shown(Path path) {
    return EggsPath.shown(LocalNames.text(path));
  }

  private static BasicFileAttributes read(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  private static String local(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such file or directory";
      case java.nio.file.AccessDeniedException _ -> "permission denied";
      default -> e.getMessage() == null ? e.toString() : e.getMessage();
    };
  }

  /** Sums the sizes meanwhile, so that the progress line can tell an end. */
  private void countTotal(List<String> sources) {
    if (!Terminal.isError()) {
      return;
    }
    Thread.ofVirtual()
        .start(
            () -> {
              long total = 0;
              for (String source : sources) {
                try (Stream<Path> tree = Files.walk(Path.of(source))) {
                  total +=
                      tree.map(Path::toFile)
                          .filter(java.io.File::isFile)
                          .mapToLong(java.io.File::length)
                          .sum();
                } catch (IOException | java.io.UncheckedIOException e) {
                  // Only the display suffers; the copy itself will tell what it cannot read.
                  return;
                }
              }
              progress.total(total);
            });
  }

  /** Counts the bytes that pass. */
  private record Counted(ReadableByteChannel in, ProgressLine progress)
      implements ReadableByteChannel {
    @Override
    public int read(ByteBuffer target) throws IOException {
      int count = in.read(target);
      if (count > 0) {
        progress.addBytes(count);
      }
      return count;
    }

    @Override
    public boolean isOpen() {
      return in.isOpen();
    }

    @Override
    public void close() {
      // Whoever opened it closes it.
    }
  }
}
