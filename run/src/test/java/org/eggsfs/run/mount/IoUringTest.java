package org.eggsfs.run.mount;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.eggsfs.fuse.EggsMount;
import org.eggsfs.fuse.MountOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * A mount whose requests come by io_uring. Whether the kernel offers it is a switch of root's,
 * which only decides about mounts made later that ask for it; it is as it was afterwards.
 */
class IoUringTest extends OnMount {
  private static final Path SWITCH = Path.of("/sys/module/fuse/parameters/enable_uring");

  private static String before;

  @BeforeAll
  static void turnOn() throws IOException {
    onlyOurs();
    Assumptions.assumeTrue(Files.isWritable(SWITCH), "no FUSE over io_uring, or not ours to allow");
    before = Files.readString(SWITCH).strip();
    Files.writeString(SWITCH, "Y");
  }

  @AfterAll
  static void turnBack() throws IOException {
    if (before != null) {
      Files.writeString(SWITCH, before);
    }
  }

  private static void writeAndRead(Path directory, int worker) throws IOException {
    for (int i = 0; i < 12; i++) {
      Path file = directory.resolve("f-" + worker + "-" + i);
      byte[] bytes = randomBytes(1 << (2 * i), worker * 100L + i);
      Files.write(file, bytes);
      assertArrayEquals(bytes, Files.readAllBytes(file), file.toString());
      assertEquals(bytes.length, Files.size(file));
      if (i % 3 == 0) {
        Files.move(file, directory.resolve("moved-" + worker + "-" + i));
      }
    }
  }

  @Test
  void filesGoInAndOutFromManyThreads() throws Exception {
    try (EggsMount mount =
            SharedMount.current()
                .mountAgain("uring", MountOptions.builder().ioUring(true).build());
        ExecutorService workers = Executors.newFixedThreadPool(8)) {
      assertTrue(mount.usesIoUring());
      Path directory = mount.directory().resolve(dir.getFileName());
      List<Future<?>> all = new ArrayList<>();
      for (int worker = 0; worker < 8; worker++) {
        int number = worker;
        all.add(
            workers.submit(
                () -> {
                  writeAndRead(directory, number);
                  return null;
                }));
      }
      for (Future<?> each : all) {
        each.get();
      }
      try (Stream<Path> names = Files.list(directory)) {
        assertEquals(8 * 12, names.count());
      }
      byte[] big = randomBytes(5 << 20, 77);
      Files.write(directory.resolve("big"), big);
      assertArrayEquals(big, Files.readAllBytes(dir.resolve("big")), "on the other mount");
    }
  }

  @Test
  void unmountingWhileItIsUsedEndsEverything() throws Exception {
    EggsMount mount =
        SharedMount.current()
            .mountAgain("uring-busy", MountOptions.builder().ioUring(true).build());
    Path file = mount.directory().resolve("unmounted-" + System.nanoTime());
    Files.write(file, randomBytes(100_000, 5));
    Thread user =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    while (true) {
                      Files.readAttributes(file, "unix:*");
                      Files.readAllBytes(file);
                    }
                  } catch (IOException e) {
                    // The mount is gone: what was expected.
                    return;
                  }
                });
    mount.close();
    user.join();
    assertTrue(mount.awaitEnd(60, TimeUnit.SECONDS));
    assertFalse(Files.exists(file));
  }
}
