package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eggsfs.tests.cluster.Mount;
import org.eggsfs.tests.scenario.MountFiles.Data;

/**
 * Goal: what one mount has done the other one sees when names may not be older any more, also names
 * that it had found missing, while both are busy. Method: changes on one mount; some rounds wait
 * for the bound and look once, which must be right, others look until it is and report how long
 * that took. Meanwhile threads on both mounts make and remove files in the same directory, and
 * listings must hold everything that stays exactly once.
 */
final class MountCoherence implements Scenario {
  /** How long names are believed, and time for an answer to travel on a busy machine. */
  private static final long BOUND_MILLIS = 250 + 750;

  private static final int BUSY_PER_MOUNT = 2;
  private static final int STAYING = 60;
  private static final long SEEN_SECONDS_MAX = 60;

  @Override
  public String name() {
    return "mount coherence";
  }

  @Override
  public String oracle() {
    return "changes seen by the other mount within the bound, listings hold what stays once";
  }

  @Override
  public String missing() {
    return Mount.unavailable();
  }

  @Override
  public void run(Run run) throws Exception {
    try (Mount one = new Mount(run.cluster(), "one");
        Mount two = new Mount(run.cluster(), "two");
        HangWatch watch = new HangWatch(List.of(one, two))) {
      Path here = one.root().resolve("shared");
      Path there = two.root().resolve("shared");
      Files.createDirectory(here);
      for (int i = 0; i < STAYING; i++) {
        Files.createSymbolicLink(here.resolve("stays" + i), Path.of("nowhere"));
      }
      Thread.sleep(BOUND_MILLIS);
      AtomicBoolean over = new AtomicBoolean();
      run.atOnceOnThreads(
          2 + 2 * BUSY_PER_MOUNT,
          actor -> {
            SplittableRandom random = run.random(actor);
            if (actor == 0) {
              try {
                new Rounds(run, watch, here, there).all(run.size(100, 2));
              } finally {
                over.set(true);
              }
            } else if (actor == 1) {
              while (!over.get()) {
                list(run, watch, random.nextBoolean() ? here : there);
                Thread.sleep(random.nextInt(50));
              }
            } else {
              while (!over.get()) {
                churn(watch, actor % 2 == 0 ? here : there, "busy" + actor, random);
                run.count("operations", 1);
                Thread.sleep(random.nextInt(5));
              }
            }
          });
      watch.check(run);
    }
  }

  private static void churn(HangWatch watch, Path side, String name, SplittableRandom random)
      throws Exception {
    Path path = side.resolve(name + random.nextInt(5));
    watch.call(
        "churning " + path,
        () -> {
          MountFiles.write(path, new Data(1, random.nextInt(5_000)));
          Files.delete(path);
          return null;
        });
  }

  private static void list(Run run, HangWatch watch, Path side) throws Exception {
    List<String> names =
        watch.call(
            "listing",
            () -> {
              try (var entries = Files.list(side)) {
                return entries.map(entry -> entry.getFileName().toString()).toList();
              }
            });
    long staying = names.stream().filter(name -> name.startsWith("stays")).distinct().count();
    Failure.unlessEqual((long) STAYING, staying, "names that stay in a listing");
    Failure.unlessEqual(names.size(), (int) names.stream().distinct().count(), "names listed once");
    run.count("listings", 1);
  }

  /** The changes that are looked at. */
  private static final class Rounds {
    private final Run run;
    private final HangWatch watch;
    private final Path here;
    private final Path there;
    private long slowestNanos;

    Rounds(Run run, HangWatch watch, Path here, Path there) {
      this.run = run;
      this.watch = watch;
      this.here = here;
      this.there = there;
    }

    private interface Condition {
      boolean holds() throws IOException;
    }

    void all(int rounds) throws Exception {
      for (int i = 0; i < rounds; i++) {
        round(i, i % 2 == 0 ? here : there, i % 2 == 0 ? there : here);
      }
      run.count("ms until seen", TimeUnit.NANOSECONDS.toMillis(slowestNanos));
    }

    private void round(int i, Path from, Path to) throws Exception {
      String name = "round" + i;
      Data first = new Data(i, 20_000 + i);
      Data second = new Data(-i, 30_000);
      // Each name has just been found missing there, or been found.
      Failure.unless(!exists(to, name), name + " is there before it is made");
      does(() -> MountFiles.write(from.resolve(name), first));
      seen(i, name + " is made", () -> exists(to, name) && holds(to, name, first));
      does(() -> MountFiles.write(from.resolve(name), second));
      seen(i, name + " is replaced", () -> holds(to, name, second));
      does(
          () ->
              Files.move(
                  from.resolve(name),
                  from.resolve(name + "-moved"),
                  StandardCopyOption.ATOMIC_MOVE));
      seen(
          i,
          name + " is renamed",
          () -> !exists(to, name) && exists(to, name + "-moved") && listed(to, name + "-moved"));
      does(() -> Files.delete(to.resolve(name + "-moved")));
      seen(i, name + " is removed", () -> !exists(from, name + "-moved"));
      String folder = "folder" + i;
      Failure.unless(!exists(to, folder), folder + " is there before it is made");
      does(() -> Files.createDirectory(from.resolve(folder)));
      seen(i, folder + " is made", () -> exists(to, folder));
      does(() -> MountFiles.write(to.resolve(folder).resolve("inside"), first));
      seen(i, folder + " is filled", () -> exists(from.resolve(folder), "inside"));
      Failure.unless(!removes(from.resolve(folder)), folder + " is removed although it is full");
      does(() -> Files.delete(from.resolve(folder).resolve("inside")));
      does(() -> Files.delete(from.resolve(folder)));
      seen(i, folder + " is removed", () -> !exists(to, folder));
    }

    private boolean removes(Path folder) throws IOException {
      return watch.call(
          "rmdir",
          () -> {
            try {
              Files.delete(folder);
              return true;
            } catch (DirectoryNotEmptyException e) {
              return false;
            }
          });
    }

    private interface Change {
      void make() throws IOException;
    }

    private void does(Change change) throws IOException {
      watch.call(
          "a change",
          () -> {
            change.make();
            return null;
          });
      run.count("changes", 1);
    }

    /** Looks once after the bound, or again and again at once. */
    private void seen(int round, String what, Condition condition) throws Exception {
      boolean once = round % 4 < 2;
      long start = System.nanoTime();
      if (once) {
        Thread.sleep(BOUND_MILLIS);
        Failure.unless(
            watch.call("looking", condition::holds),
            what + ", and the other mount does not know after " + BOUND_MILLIS + " ms");
        return;
      }
      while (!watch.call("looking", condition::holds)) {
        Failure.unless(
            System.nanoTime() - start < TimeUnit.SECONDS.toNanos(SEEN_SECONDS_MAX),
            what + ", and the other mount never hears of it");
        Thread.sleep(5);
      }
      slowestNanos = Math.max(slowestNanos, System.nanoTime() - start);
    }

    private static boolean exists(Path side, String name) {
      return Files.exists(side.resolve(name), LinkOption.NOFOLLOW_LINKS);
    }

    private static boolean holds(Path side, String name, Data data) throws IOException {
      try {
        return MountFiles.holds(side.resolve(name), data);
      } catch (NoSuchFileException e) {
        return false;
      }
    }

    private static boolean listed(Path side, String name) throws IOException {
      return MountFiles.names(side).contains(name);
    }
  }
}
