package org.eggsfs.run.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.logging.LogManager;
import java.util.stream.Stream;
import org.eggsfs.run.faults.FileFaults.Kind;
import org.eggsfs.store.StoreException;

/**
 * A process whose files fail. For each kind of fault and n = 1, 2, 3 … a subject lives with the
 * n-th call failing, until a life meets none; after each life the subject has to settle.
 *
 * <p>Arguments: the library, a directory, the subject, the step of n, and possibly the only kind.
 * Prints a line for each kind, {@code KIND calls lives}, and ends with 1 when something is wrong.
 */
final class FaultLoop {
  private static final int WORKS = 2;

  private FaultLoop() {}

  /** See above. */
  public static void main(String[] args) throws IOException {
    LogManager.getLogManager().reset();
    FileFaults faults = new FileFaults(Path.of(args[0]));
    Path root = Path.of(args[1]);
    int step = Integer.parseInt(args[3]);
    int status = 0;
    try (Subject subject = subject(args[2], root)) {
      for (Kind kind : Kind.values()) {
        if (kind != Kind.NONE && (args.length < 5 || kind == Kind.valueOf(args[4]))) {
          System.out.println(kind + " " + loop(faults, kind, step, subject, root));
        }
      }
    } catch (Throwable e) {
      e.printStackTrace(System.out);
      status = 1;
    }
    // Threads of a subject that has failed must not keep the process.
    System.exit(status);
  }

  private static Subject subject(String name, Path root) throws IOException {
    return switch (name) {
      case "store" -> new StoreSubject(true);
      case "forgetful" -> new StoreSubject(false);
      case "shard" -> new ShardSubject();
      case "shuckle" -> new ShuckleSubject();
      case "cdc" -> new CdcSubject(root);
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static String loop(FileFaults faults, Kind kind, int step, Subject subject, Path root)
      throws IOException {
    int lives = 0;
    // Kinds begin at different calls, so that together they try more of them.
    for (long n = 1L + kind.number() % step; ; n += step) {
      lives++;
      boolean met;
      try {
        met = live(faults, kind, n, subject, subject.nextHome(root, lives));
      } catch (Throwable e) {
        throw new AssertionError(
            kind + " at call " + n + " (" + faults.where() + "): " + e.getMessage(), e);
      }
      if (!met) {
        return n - 1 + " " + lives;
      }
    }
  }

  /** Whether there was an n-th call. */
  private static boolean live(FileFaults faults, Kind kind, long n, Subject subject, Path home)
      throws IOException, InterruptedException {
    faults.forget();
    faults.arm(home, kind, n);
    for (int i = 0; i < WORKS; i++) {
      try {
        subject.work(home);
      } catch (IOException | StoreException e) {
        if (e.getMessage() == null) {
          throw new AssertionError("an error without a word", e);
        }
      }
    }
    boolean met = faults.wasMet();
    String where = faults.where();
    if (kind == Kind.DEATH && met) {
      faults.failPower(n);
    }
    faults.arm(home, Kind.NONE, 0);
    try {
      subject.settle(home);
    } catch (IOException | StoreException | AssertionError e) {
      throw new AssertionError("after " + where + ": " + e.getMessage(), e);
    }
    return met;
  }

  static void deleteTree(Path tree) throws IOException {
    if (!Files.exists(tree)) {
      return;
    }
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
