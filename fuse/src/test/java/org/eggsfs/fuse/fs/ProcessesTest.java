package org.eggsfs.fuse.fs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reading /proc, real and made up. */
class ProcessesTest {
  @TempDir Path folder;

  private final Processes real = new Processes();

  private static int self() {
    return (int) ProcessHandle.current().pid();
  }

  @Test
  void anOpenFileIsHeldUntilItIsClosed() throws IOException {
    Path file = folder.resolve("file");
    OutputStream out = Files.newOutputStream(file);
    long inode = (long) Files.getAttribute(file, "unix:ino");
    assertTrue(real.holds(self(), inode));
    out.close();
    assertFalse(real.holds(self(), inode));
  }

  /** A request that is being interrupted must see what others see. */
  @Test
  void anInterruptedThreadSeesTheSame() throws IOException {
    Path file = folder.resolve("file");
    try (OutputStream _ = Files.newOutputStream(file)) {
      long inode = (long) Files.getAttribute(file, "unix:ino");
      Thread.currentThread().interrupt();
      boolean held = real.holds(self(), inode);
      assertTrue(Thread.interrupted());
      assertTrue(held);
    }
  }

  @Test
  void aProcessThatIsGoneHoldsNothing() throws Exception {
    Process process = new ProcessBuilder("true").start();
    process.waitFor();
    assertFalse(real.holds((int) process.pid(), 1));
    assertEquals(Processes.Life.RUNNING, real.life((int) process.pid()));
  }

  @Test
  void descriptorsThatComeAndGoAreNoTrouble() throws Exception {
    Process process =
        new ProcessBuilder("sh", "-c", "while :; do : </dev/null; done")
            .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
            .start();
    try {
      for (int i = 0; i < 3_000; i++) {
        assertFalse(real.holds((int) process.pid(), Long.MAX_VALUE));
      }
    } finally {
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void filesOfTheSameNumberElsewhereDoNotCount() throws IOException {
    Files.createDirectories(folder.resolve("42/fdinfo"));
    Files.writeString(
        folder.resolve("42/fdinfo/3"), "pos:\t0\nflags:\t0100001\nmnt_id:\t71\nino:\t1234\n");
    Files.writeString(
        folder.resolve("42/mountinfo"),
        "70 29 0:45 / /a rw - fuse.eggsfs eggsfs rw\n71 29 0:46 / /b rw - fuse.eggsfs eggsfs rw\n");
    assertTrue(new Processes(folder, () -> "0:46").holds(42, 1234));
    assertFalse(new Processes(folder, () -> "0:45").holds(42, 1234));
    assertTrue(new Processes(folder, () -> null).holds(42, 1234), "not to be seen");
  }

  @Test
  void newProcessesAreFoundByTheirNumbers() throws Exception {
    int before = real.newest();
    Process process = new ProcessBuilder("sleep", "60").start();
    try {
      Set<Integer> started = real.startedBetween(before, real.newest());
      assertTrue(started.contains((int) process.pid()), started + " without " + process.pid());
      assertTrue(real.startedBetween(real.newest(), real.newest()).isEmpty());
    } finally {
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void weAreAlive() {
    assertEquals(Processes.Life.RUNNING, real.life(self()));
    assertEquals(self(), real.process(self()));
  }

  private Processes fake(int process, String stat) throws IOException {
    Files.createDirectories(folder.resolve(process + "/fdinfo"));
    Files.writeString(folder.resolve(process + "/stat"), stat);
    return new Processes(folder, () -> null);
  }

  private static String stat(String name, long flags, int exitCode) {
    return "42 (" + name + ") S 1 42 42 0 -1 " + flags + " 0 0 0 0 1 " + exitCode + "\n";
  }

  @Test
  void theEndOfAProcessTellsWhy() throws IOException {
    assertEquals(Processes.Life.RUNNING, fake(42, stat("a", 0x400000, 9)).life(42));
    assertEquals(Processes.Life.EXITING, fake(42, stat("a", 0x400004, 0)).life(42));
    assertEquals(Processes.Life.EXITING, fake(42, stat("a", 0x400004, 3 << 8)).life(42));
    assertEquals(Processes.Life.KILLED, fake(42, stat("a", 0x400004, 9)).life(42));
    assertEquals(Processes.Life.KILLED, fake(42, stat("a", 4, 0x80 | 11)).life(42), "dumped core");
  }

  @Test
  void namesMayHoldAnything() throws IOException {
    assertEquals(Processes.Life.KILLED, fake(42, stat(") S (1 2", 4, 15)).life(42));
  }

  private void fakeFamily(int process, int parent, int session) throws IOException {
    Files.createDirectories(folder.resolve(Integer.toString(process)));
    Files.writeString(
        folder.resolve(process + "/stat"),
        process + " (a) S " + parent + " 1 " + session + " 0 -1 0 0 0 0 0 1 0\n");
  }

  @Test
  void descendantsAndOrphansAreRelated() throws IOException {
    Processes fake = new Processes(folder, () -> null);
    fakeFamily(50, 1, 50);
    fakeFamily(51, 50, 51);
    fakeFamily(52, 51, 52);
    fakeFamily(53, 1, 50);
    fakeFamily(54, 1, 54);
    assertTrue(fake.isRelated(51, 50), "a child");
    assertTrue(fake.isRelated(52, 50), "a child's child");
    assertTrue(fake.isRelated(53, 50), "an orphan of its session");
    assertFalse(fake.isRelated(54, 50), "a stranger");
    assertFalse(fake.isRelated(50, 52), "an ancestor has its own descriptors");
    assertTrue(fake.isRelated(99, 50), "not to be seen");
  }

  @Test
  void numbersBeginAgainAtTheLimit() throws IOException {
    for (int number : new int[] {3, 5, 1000, 32_000}) {
      Files.createDirectories(folder.resolve(Integer.toString(number)));
    }
    Files.createDirectories(folder.resolve("sys"));
    Processes fake = new Processes(folder, () -> null);
    assertEquals(Set.of(3, 5, 32_000), fake.startedBetween(31_000, 6));
    assertEquals(Set.of(3, 5), fake.startedBetween(2, 7));
    assertEquals(Set.of(1000), fake.startedBetween(900, 1100));
    assertEquals(Set.of(3, 5, 1000, 32_000), fake.startedBetween(0, 0));
  }

  @Test
  void aKernelThatDoesNotTellInodesIsAnError() throws IOException {
    Processes fake = fake(42, stat("a", 0, 0));
    Files.writeString(folder.resolve("42/fdinfo/0"), "pos:\t0\nflags:\t02\nmnt_id:\t5\n");
    assertThrows(IOException.class, () -> fake.holds(42, 1));
    Files.writeString(folder.resolve("42/fdinfo/0"), "pos:\t0\nflags:\t02\nmnt_id:\t5\nino:\t1\n");
    assertTrue(fake.holds(42, 1));
  }
}
