package org.eggsfs.tests.cluster;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What the kernel has mounted, as far as it concerns clusters under test. */
public final class MountTable {
  private static final Path MOUNTS = Path.of("/proc/self/mounts");

  private MountTable() {}

  /** Mount points below a folder, the last mounted first. Octal escapes do not occur in ours. */
  static List<Path> below(Path folder) throws IOException {
    List<Path> found = new ArrayList<>();
    if (Files.exists(MOUNTS)) {
      for (String line : Files.readAllLines(MOUNTS, StandardCharsets.ISO_8859_1)) {
        Path point = Path.of(line.split(" ")[1]);
        if (point.startsWith(folder)) {
          found.addFirst(point);
        }
      }
    }
    return found;
  }

  /** Whether something is mounted at a place. */
  public static boolean isMounted(Path place) throws IOException {
    return below(place).contains(place);
  }

  /**
   * Takes away all mounts below a folder, also those whose server is dead: whoever uses one of them
   * gets errors.
   */
  public static void detachBelow(Path folder) throws IOException, InterruptedException {
    for (Path point : below(folder)) {
      new ProcessBuilder("umount", "-l", point.toString())
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    }
  }
}
