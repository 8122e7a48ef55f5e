package org.eggsfs.run.mount;

import static org.eggsfs.run.mount.Syscalls.O_CREAT;
import static org.eggsfs.run.mount.Syscalls.O_EXCL;
import static org.eggsfs.run.mount.Syscalls.O_RDONLY;
import static org.eggsfs.run.mount.Syscalls.O_TRUNC;
import static org.eggsfs.run.mount.Syscalls.O_WRONLY;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;

/**
 * Goal: what one mount does another one sees within the bound of the name cache, also names that it
 * had found missing, while both are busy; of two that want the same thing one gets it. Method: two
 * mounts of one cluster, with threads that make and remove files on both meanwhile. The bound
 * itself is reported, not asserted: a busy machine may stretch it.
 */
class TwoMountsTest extends OnMount {
  private static final int ROUNDS = 12;

  /** How often two want the same at the same moment. */
  private static final int RACES = 40;

  /** The same directory on the second mount. */
  private Path there;

  private final List<Thread> busy = new ArrayList<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private volatile boolean stop;

  @BeforeEach
  void startBoth() throws Exception {
    onlyOurs();
    there = SharedMount.current().onSecond(dir);
    waitUntil("the second mount has the directory", () -> exists(there));
  }

  private void keepBusy() throws Exception {
    for (Path side : List.of(dir, there)) {
      String name = side.equals(dir) ? "here" : "there";
      busy.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      for (int i = 0; !stop; i++) {
                        Path path = side.resolve("busy-" + name + "-" + i % 7);
                        int fd = Syscalls.open(path, O_WRONLY | O_CREAT | O_TRUNC);
                        Syscalls.write(fd, "busy " + i);
                        Syscalls.close(fd);
                        Syscalls.names(side);
                        Syscalls.unlink(path);
                        // Two cores are for the tested side too.
                        Thread.sleep(2);
                      }
                    } catch (Throwable e) {
                      failure.compareAndSet(null, e);
                    }
                  }));
    }
  }

  @AfterEach
  void stopBusy() throws Exception {
    stop = true;
    for (Thread thread : busy) {
      thread.join();
    }
    if (failure.get() != null) {
      throw new AssertionError("a busy thread failed", failure.get());
    }
  }

  @Test
  void changesAreSeenWhileBothAreBusy(TestReporter reporter) throws Exception {
    keepBusy();
    long nanosMax = 0;
    for (int i = 0; i < ROUNDS; i++) {
      Path from = i % 2 == 0 ? dir : there;
      Path to = i % 2 == 0 ? there : dir;
      String name = "f" + i;
      String folder = "d" + i;
      String content = "round " + i;
      // The other side has just found that the name is missing.
      assertFalse(exists(to.resolve(name)));
      int fd = Syscalls.open(from.resolve(name), O_WRONLY | O_CREAT);
      Syscalls.write(fd, content);
      Syscalls.close(fd);
      long start = System.nanoTime();
      waitUntil("the file is seen", () -> exists(to.resolve(name)));
      nanosMax = Math.max(nanosMax, System.nanoTime() - start);
      assertContent(content, to.resolve(name));
      assertTrue(Syscalls.names(to).contains(name));

      Syscalls.rename(from.resolve(name), from.resolve(name + "-moved"));
      start = System.nanoTime();
      waitUntil("the old name is gone", () -> !exists(to.resolve(name)));
      waitUntil("the new name is seen", () -> exists(to.resolve(name + "-moved")));
      nanosMax = Math.max(nanosMax, System.nanoTime() - start);
      assertContent(content, to.resolve(name + "-moved"));

      Syscalls.unlink(to.resolve(name + "-moved"));
      start = System.nanoTime();
      waitUntil("it is gone", () -> !exists(from.resolve(name + "-moved")));
      nanosMax = Math.max(nanosMax, System.nanoTime() - start);

      Syscalls.mkdir(from.resolve(folder));
      start = System.nanoTime();
      waitUntil("the directory is seen", () -> exists(to.resolve(folder)));
      nanosMax = Math.max(nanosMax, System.nanoTime() - start);
      assertEquals(List.of(), Syscalls.names(to.resolve(folder)));
      Syscalls.rmdir(to.resolve(folder));
      start = System.nanoTime();
      waitUntil("the directory is gone", () -> !exists(from.resolve(folder)));
      nanosMax = Math.max(nanosMax, System.nanoTime() - start);
    }
    reporter.publishEntry("longest wait in ms", Long.toString(nanosMax / 1_000_000));
  }

  @Test
  void aNewVersionReplacesTheOldOneThereToo() throws Exception {
    keepBusy();
    byte[] old = randomBytes(300_000, 1);
    file("f", old);
    waitUntil("the old version is seen", () -> exists(there.resolve("f")));
    int reader = Syscalls.open(there.resolve("f"), O_RDONLY);
    assertArrayEquals(old, Syscalls.readAll(reader));
    int writer = Syscalls.open(dir.resolve("f"), O_WRONLY | O_TRUNC);
    Syscalls.write(writer, "new");
    assertContent(old, there.resolve("f"));
    Syscalls.close(writer);
    waitUntil("the new version is seen", () -> contentOf(there.resolve("f")).length == 3);
    assertContent("new", there.resolve("f"));
    assertEquals(3, Syscalls.stat(there.resolve("f")).size());
    assertArrayEquals(old, Syscalls.pread(reader, old.length, 0));
    Syscalls.close(reader);
  }

  @Test
  void nobodySeesAPartOfAFile() throws Exception {
    keepBusy();
    byte[] content = randomBytes(3_000_000, 2);
    AtomicInteger seen = new AtomicInteger();
    Thread watcher =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    while (!stop && seen.get() < ROUNDS) {
                      Path next = there.resolve("whole" + seen.get());
                      if (exists(next)) {
                        assertContent(content, next);
                        seen.incrementAndGet();
                      }
                    }
                  } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                    seen.set(ROUNDS);
                  }
                });
    busy.add(watcher);
    for (int i = 0; i < ROUNDS; i++) {
      int fd = Syscalls.open(dir.resolve("whole" + i), O_WRONLY | O_CREAT);
      for (int at = 0; at < content.length; at += 1_000_000) {
        Syscalls.write(fd, Arrays.copyOfRange(content, at, at + 1_000_000));
      }
      Syscalls.close(fd);
    }
    waitUntil("the other side has seen all", () -> seen.get() == ROUNDS);
  }

  @Test
  void ofTwoExclusiveCreatorsTheFirstToCommitWins() throws Exception {
    int here = Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT | O_EXCL);
    int other = Syscalls.open(there.resolve("f"), O_WRONLY | O_CREAT | O_EXCL);
    Syscalls.write(here, "here");
    Syscalls.write(other, "there");
    Syscalls.close(other);
    fails(Errno.EEXIST, () -> Syscalls.close(here));
    waitUntil("both sides have the same", () -> holds(dir.resolve("f"), "there"));
    assertContent("there", dir.resolve("f"));
    assertContent("there", there.resolve("f"));
  }

  /** For a moment the name may still lead to the file that was thrown away. */
  private boolean holds(Path path, String text) throws Exception {
    try {
      return new String(contentOf(path), java.nio.charset.StandardCharsets.UTF_8).equals(text);
    } catch (SyscallException e) {
      return false;
    }
  }

  @Test
  void ofTwoRenamesOneSucceeds() throws Exception {
    for (int i = 0; i < ROUNDS; i++) {
      String round = "-" + i;
      file("from" + round, "x");
      waitUntil("it is seen", () -> exists(there.resolve("from" + round)));
      int[] wins = new int[2];
      Thread one =
          Thread.ofPlatform().start(() -> wins[0] = attempt(dir, "to-here" + round, round));
      wins[1] = attempt(there, "to-there" + round, round);
      one.join();
      assertEquals(1, wins[0] + wins[1], "one rename");
      waitUntil("both sides agree", () -> Syscalls.names(dir).equals(Syscalls.names(there)));
      assertEquals(1, Syscalls.names(dir).stream().filter(n -> n.matches("to-.*" + round)).count());
    }
  }

  /** One for a rename that succeeded. */
  private int attempt(Path side, String to, String round) {
    try {
      Syscalls.rename(side.resolve("from" + round), side.resolve(to));
      return 1;
    } catch (SyscallException e) {
      expect(Errno.ENOENT, e);
      return 0;
    }
  }

  private void expect(Errno errno, SyscallException e) {
    if (e.errno() != errno) {
      failure.compareAndSet(null, e);
    }
  }

  private interface Attempt {
    void make(Path side, int round) throws SyscallException;
  }

  /** One of two who try the same at the same moment; the other is told that the name exists. */
  private void oneOfTwo(Attempt attempt) throws Exception {
    for (int i = 0; i < RACES; i++) {
      int round = i;
      CyclicBarrier start = new CyclicBarrier(2);
      int[] wins = new int[2];
      Thread one = Thread.ofPlatform().start(() -> wins[0] = won(attempt, dir, round, start));
      wins[1] = won(attempt, there, round, start);
      one.join();
      assertEquals(1, wins[0] + wins[1], "winners of round " + i);
    }
  }

  private int won(Attempt attempt, Path side, int round, CyclicBarrier start) {
    try {
      start.await();
      attempt.make(side, round);
      return 1;
    } catch (SyscallException e) {
      expect(Errno.EEXIST, e);
      return 0;
    } catch (InterruptedException | BrokenBarrierException e) {
      failure.compareAndSet(null, e);
      return 0;
    }
  }

  @Test
  void ofTwoWhoMakeOneDirectoryOneSucceeds() throws Exception {
    oneOfTwo((side, round) -> Syscalls.mkdir(side.resolve("d" + round)));
    waitUntil("both sides agree", () -> Syscalls.names(dir).equals(Syscalls.names(there)));
    assertEquals(RACES, Syscalls.names(dir).size());
  }

  /** Both may open it, as it has no name yet; closing gives the name to one of them. */
  @Test
  void ofTwoWhoCreateOneFileOneSucceeds() throws Exception {
    oneOfTwo(
        (side, round) -> {
          int fd = Syscalls.open(side.resolve("f" + round), O_CREAT | O_EXCL | O_WRONLY);
          Syscalls.write(fd, side.toString().getBytes(StandardCharsets.UTF_8));
          Syscalls.close(fd);
        });
    waitUntil("both sides agree", () -> Syscalls.names(dir).equals(Syscalls.names(there)));
    assertEquals(RACES, Syscalls.names(dir).size());
  }

  @Test
  void ofTwoWhoMakeOneLinkOneSucceeds() throws Exception {
    oneOfTwo((side, round) -> Syscalls.symlink("x", side.resolve("l" + round)));
    waitUntil("both sides agree", () -> Syscalls.names(dir).equals(Syscalls.names(there)));
    assertEquals(RACES, Syscalls.names(dir).size());
  }

  /** What scripts use a directory for: only who has made it may remove it. */
  @Test
  void aDirectoryIsALock() throws Exception {
    AtomicInteger holders = new AtomicInteger();
    AtomicInteger entries = new AtomicInteger();
    List<Thread> scripts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Path lock = (i % 2 == 0 ? dir : there).resolve("lock");
      scripts.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      for (int mine = 0; mine < ROUNDS; ) {
                        try {
                          Syscalls.mkdir(lock);
                        } catch (SyscallException e) {
                          if (e.errno() != Errno.EEXIST) {
                            throw e;
                          }
                          Thread.sleep(1);
                          continue;
                        }
                        assertEquals(1, holders.incrementAndGet(), "holders of the lock");
                        entries.incrementAndGet();
                        holders.decrementAndGet();
                        Syscalls.rmdir(lock);
                        mine++;
                      }
                    } catch (Throwable e) {
                      failure.compareAndSet(null, e);
                    }
                  }));
    }
    for (Thread script : scripts) {
      script.join();
    }
    if (failure.get() == null) {
      assertEquals(4 * ROUNDS, entries.get());
    }
  }

  @Test
  void ofTwoRenamesThatMustNotReplaceOneSucceeds() throws Exception {
    directory("far");
    for (int i = 0; i < RACES; i++) {
      for (String side : List.of("here", "there")) {
        file(side + i, side);
        file("away-" + side + i, side);
      }
    }
    waitUntil("they are seen", () -> Syscalls.names(there).equals(Syscalls.names(dir)));
    oneOfTwo((side, round) -> renameNoReplace(side, "", round, "one" + round));
    oneOfTwo((side, round) -> renameNoReplace(side, "away-", round, "far/one" + round));
    waitUntil("both sides agree", () -> Syscalls.names(dir).equals(Syscalls.names(there)));
    for (int i = 0; i < RACES; i++) {
      // Who has lost still has its file, and the winner's is whole.
      for (String[] names : new String[][] {{"", "one" + i}, {"away-", "far/one" + i}}) {
        waitUntil("the new name is seen", () -> exists(dir.resolve(names[1])));
        String winner = new String(contentOf(dir.resolve(names[1])), StandardCharsets.UTF_8);
        String loser = winner.equals("here") ? "there" : "here";
        assertContent(loser, dir.resolve(names[0] + loser + i));
        Path old = dir.resolve(names[0] + winner + i);
        waitUntil("the old name is gone", () -> !exists(old));
      }
    }
  }

  private void renameNoReplace(Path side, String prefix, int round, String to)
      throws SyscallException {
    String mine = prefix + (side.equals(dir) ? "here" : "there") + round;
    Syscalls.rename(
        side.resolve(mine).toString(), side.resolve(to).toString(), Syscalls.RENAME_NOREPLACE);
  }

  @Test
  void listingsDuringChurnGiveWhatStaysOnce() throws Exception {
    for (int i = 0; i < 100; i++) {
      Syscalls.symlink("x", dir.resolve("stays" + i));
    }
    waitUntil("all are seen", () -> Syscalls.names(there).size() >= 100);
    keepBusy();
    for (int i = 0; i < 30; i++) {
      List<String> names = Syscalls.names(i % 2 == 0 ? there : dir);
      assertEquals(names.size(), new HashSet<>(names).size(), "twice: " + names);
      assertEquals(100, names.stream().filter(name -> name.startsWith("stays")).count());
    }
  }

  @Test
  void timesAndRemovalUnderAnOpenFile() throws Exception {
    byte[] content = randomBytes(500_000, 3);
    file("f", content);
    waitUntil("it is seen", () -> exists(there.resolve("f")));
    int fd = Syscalls.open(there.resolve("f"), O_RDONLY);
    Syscalls.FileTime time = new Syscalls.FileTime(1_222_333_444, 555_666_777);
    Syscalls.utimens(dir.resolve("f"), time, time);
    waitUntil("the time is seen", () -> Syscalls.stat(there.resolve("f")).mtime().equals(time));
    Syscalls.unlink(dir.resolve("f"));
    waitUntil("it is gone", () -> !exists(there.resolve("f")));
    assertArrayEquals(content, Syscalls.readAll(fd));
    Syscalls.close(fd);
  }

  /** Attributes of a directory's files are asked for ahead; that must not make them older. */
  @Test
  void timesOfManyFilesAreSeen() throws Exception {
    int count = 60;
    for (int i = 0; i < count; i++) {
      file("f" + i, "x");
    }
    waitUntil("all are seen", () -> Syscalls.names(there).size() == count);
    for (int round = 1; round <= 3; round++) {
      Syscalls.FileTime time = new Syscalls.FileTime(1_000_000_000 + round, 0);
      for (int i = 0; i < count; i++) {
        Syscalls.utimens(dir.resolve("f" + i), time, time);
        // One's own change is seen at once, whatever is under way.
        assertEquals(time, Syscalls.stat(dir.resolve("f" + i)).mtime());
      }
      waitUntil(
          "all times are seen",
          () -> {
            boolean all = true;
            for (String name : Syscalls.names(there)) {
              all &= Syscalls.stat(there.resolve(name)).mtime().equals(time);
            }
            return all;
          });
    }
  }

  @Test
  void ownTimesAreSeenAtOnceWhileAllFilesAreLookedAt() throws Exception {
    int count = 60;
    for (int i = 0; i < count; i++) {
      file("f" + i, "x");
    }
    List<String> names = Syscalls.names(dir);
    busy.add(
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    while (!stop) {
                      for (String name : names) {
                        Syscalls.stat(dir.resolve(name));
                      }
                    }
                  } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                  }
                }));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
    for (int i = 0; System.nanoTime() < end; i++) {
      Path path = dir.resolve(names.get(i % count));
      Syscalls.FileTime time = new Syscalls.FileTime(1_100_000_000 + i, 0);
      Syscalls.utimens(path, time, time);
      assertEquals(time, Syscalls.stat(path).mtime());
    }
  }

  @Test
  void aDirectoryTreeMovesUnderAReader() throws Exception {
    directory("a");
    directory("a/b");
    file("a/b/f", "content");
    waitUntil("it is seen", () -> exists(there.resolve("a/b/f")));
    int folder = Syscalls.open(there.resolve("a/b"), O_RDONLY | Syscalls.O_DIRECTORY);
    Syscalls.rename(dir.resolve("a"), dir.resolve("moved"));
    waitUntil("the old name is gone", () -> !exists(there.resolve("a")));
    assertContent("content", there.resolve("moved/b/f"));
    int fd = Syscalls.openAt(folder, "f", O_RDONLY, 0);
    assertEquals("content", new String(Syscalls.readAll(fd), StandardCharsets.UTF_8));
    Syscalls.close(fd);
    Syscalls.close(folder);
  }
}
