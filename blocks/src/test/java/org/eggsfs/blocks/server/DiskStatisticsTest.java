package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Goal: the numbers of the right device, or none. Method: lines as the kernel writes them. */
class DiskStatisticsTest {
  private static final List<String> MOUNTS =
      List.of(
          "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
          "23 22 8:16 / /data/disk\\040one rw - xfs /dev/sdb rw",
          "24 22 8:32 / /data/two rw - xfs /dev/sdc rw",
          "25 22 0:30 / /data/two rw - tmpfs tmpfs rw");

  private static final List<String> DISKS =
      List.of(
          "   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
          "   8      16 sdb 100 200 300 41 500 600 700 82 9 1010 1111 0 0 0 0 0 0",
          "   8      32 sdc 1 1 1 1 1 1 1 1 1 1 1");

  private static Optional<DiskStatistics> of(String directory) {
    return DiskStatistics.of(Path.of(directory), MOUNTS, DISKS);
  }

  @Test
  void theDeviceOfAMountPoint() {
    assertEquals(Optional.of(new DiskStatistics(41, 82, 1111)), of("/data/disk one"));
    assertEquals(Optional.of(new DiskStatistics(4, 8, 11)), of("/data/.."));
  }

  @Test
  void aDirectoryInAFileSystemHasNone() {
    assertEquals(Optional.empty(), of("/data"));
  }

  @Test
  void aMountOverAnotherHidesIt() {
    assertEquals(Optional.empty(), of("/data/two"));
  }
}
