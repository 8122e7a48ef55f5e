package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.eggsfs.tests.cluster.Mount;
import org.eggsfs.tests.scenario.MountFiles.Data;

/**
 * Goal: programs cannot tell a mount from another file system, as far as it promises that. Method:
 * random calls on few names, so that most of them collide, are made on the mount and on a local
 * file system, and must have the same results and the same errors; again and again both trees are
 * compared whole. Left out is what a mount refuses by design: changing a complete file.
 */
final class MountModel implements Scenario {
  private static final int ACTORS = 3;
  private static final int COMPARE_EVERY = 100;
  private static final String[] NAMES = {"a", "b", "c", "a/b", "a/c", "b/a", "a/b/c", "c/a/b"};

  @Override
  public String name() {
    return "mount model";
  }

  @Override
  public String oracle() {
    return "each result and error, and the whole tree, as on a local file system";
  }

  @Override
  public String missing() {
    return Mount.unavailable();
  }

  @Override
  public void run(Run run) throws Exception {
    Path local = Files.createDirectory(run.folder().resolve("model"));
    try (Mount mount = new Mount(run.cluster(), "model");
        HangWatch watch = new HangWatch(List.of(mount))) {
      run.atOnceOnThreads(
          ACTORS,
          actor -> {
            Path ours = Files.createDirectory(mount.root().resolve("actor" + actor));
            Path theirs = Files.createDirectory(local.resolve("actor" + actor));
            Pair pair = new Pair(watch, ours, theirs, run.random(actor));
            int steps = run.size(5_000, 250);
            for (int i = 1; i <= steps; i++) {
              pair.step();
              run.count("operations", 1);
              if (i % COMPARE_EVERY == 0 || i == steps) {
                pair.compare();
                run.count("comparisons", 1);
              }
            }
            run.count("errors alike", pair.errors);
          });
      watch.check(run);
    }
  }

  /** Two directories that must stay the same. */
  private static final class Pair {
    private final HangWatch watch;
    private final Path ours;
    private final Path theirs;
    private final SplittableRandom random;
    private long errors;

    Pair(HangWatch watch, Path ours, Path theirs, SplittableRandom random) {
      this.watch = watch;
      this.ours = ours;
      this.theirs = theirs;
      this.random = random;
    }

    /** A call on one of the two; its result is compared as text. */
    private interface Call {
      Object on(Path root) throws IOException;
    }

    private void both(String what, Call call) throws Exception {
      String expected = outcome(theirs, call);
      String found = watch.call(what, () -> outcome(ours, call));
      if (!expected.equals(found)) {
        throw new Failure(what + ": expected " + expected + ", found " + found);
      }
      errors += found.startsWith("!") ? 1 : 0;
    }

    private static String outcome(Path root, Call call) {
      try {
        return String.valueOf(call.on(root));
      } catch (NoSuchFileException e) {
        return "!no such file";
      } catch (FileAlreadyExistsException e) {
        return "!exists";
      } catch (DirectoryNotEmptyException e) {
        return "!not empty";
      } catch (AccessDeniedException e) {
        return "!denied";
      } catch (FileSystemLoopException e) {
        return "!loop";
      } catch (FileSystemException e) {
        return "!" + e.getReason();
      } catch (IOException e) {
        return "!" + e.getMessage();
      }
    }

    private String name() {
      return NAMES[random.nextInt(NAMES.length)];
    }

    void step() throws Exception {
      String name = name();
      String other = name();
      Data data = new Data(random.nextLong(), random.nextInt(4) == 0 ? 0 : random.nextInt(30_000));
      switch (random.nextInt(16)) {
        case 0, 1, 2 ->
            both(
                "write " + name,
                root -> {
                  MountFiles.write(root.resolve(name), data);
                  return "written";
                });
        case 3 ->
            both(
                "create new " + name,
                root -> {
                  try (FileChannel channel =
                      FileChannel.open(
                          root.resolve(name),
                          StandardOpenOption.CREATE_NEW,
                          StandardOpenOption.WRITE)) {
                    return channel.size();
                  }
                });
        case 4, 5 -> both("mkdir " + name, root -> root.relativize(mkdir(root.resolve(name))));
        case 6 -> both("delete " + name, root -> delete(root.resolve(name)));
        case 7, 8, 9 ->
            both(
                "rename " + name + " to " + other,
                root -> {
                  Files.move(
                      root.resolve(name), root.resolve(other), StandardCopyOption.ATOMIC_MOVE);
                  return "renamed";
                });
        case 10 ->
            both(
                "symlink " + name + " to " + other,
                root -> {
                  Files.createSymbolicLink(root.resolve(name), Path.of(other));
                  return "linked";
                });
        case 11 ->
            both("readlink " + name, root -> Files.readSymbolicLink(root.resolve(name)).toString());
        case 12 -> both("read " + name, root -> Arrays.hashCode(read(root.resolve(name))));
        case 13 -> both("list " + name, root -> MountFiles.names(root.resolve(name)));
        case 14 -> both("stat " + name, root -> look(root.resolve(name)));
        default -> {
          FileTime time =
              FileTime.from(Instant.ofEpochSecond(random.nextLong(2_000_000_000L), 123_456_789));
          both(
              "touch " + name,
              root -> {
                Path path = root.resolve(name);
                if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
                  return "left";
                }
                Files.setLastModifiedTime(path, time);
                return Files.getLastModifiedTime(path);
              });
        }
      }
    }

    private static Path mkdir(Path path) throws IOException {
      return Files.createDirectory(path);
    }

    private static String delete(Path path) throws IOException {
      Files.delete(path);
      return "deleted";
    }

    private static byte[] read(Path path) throws IOException {
      return Files.isDirectory(path) ? new byte[0] : Files.readAllBytes(path);
    }

    /** Type, and size where both have one. */
    private static String look(Path path) throws IOException {
      var attributes =
          Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      return attributes.isDirectory()
          ? "directory"
          : attributes.isSymbolicLink() ? "symlink" : "file of " + attributes.size();
    }

    void compare() throws Exception {
      Map<String, String> expected = tree(theirs);
      Map<String, String> found = watch.call("walking", () -> tree(ours));
      for (Map.Entry<String, String> entry : expected.entrySet()) {
        Failure.unlessEqual(
            entry.getValue(), String.valueOf(found.remove(entry.getKey())), entry.getKey());
      }
      Failure.unless(found.isEmpty(), "should not be there: " + found.keySet());
    }

    private static Map<String, String> tree(Path root) throws IOException {
      Map<String, String> all = new TreeMap<>();
      List<Path> paths = new ArrayList<>();
      try (Stream<Path> walk = Files.walk(root)) {
        walk.forEach(paths::add);
      }
      for (Path path : paths) {
        String what = look(path);
        if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
          what += " " + Arrays.hashCode(Files.readAllBytes(path));
        } else if (Files.isSymbolicLink(path)) {
          what += " " + Files.readSymbolicLink(path);
        }
        all.put(root.relativize(path).toString(), what);
      }
      return all;
    }
  }
}
