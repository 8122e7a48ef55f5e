package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the kernel counts for the device that is mounted at a directory, since it was started:
 * milliseconds of reading and of writing, over all requests, and milliseconds in which requests
 * were under way, weighted by their number.
 */
record DiskStatistics(long readMillis, long writeMillis, long weightedMillis) {
  private static final System.Logger LOGGER = System.getLogger(DiskStatistics.class.getName());
  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
  private static final Path DISKS = Path.of("/proc/diskstats");

  // Columns of a line of mountinfo and of diskstats.
  private static final int MOUNT_DEVICE = 2;
  private static final int MOUNT_POINT = 4;
  private static final int DISK_READ_MILLIS = 6;
  private static final int DISK_WRITE_MILLIS = 10;
  private static final int DISK_WEIGHTED_MILLIS = 13;

  /** Those of the device at a mount point; nothing if the directory is none. */
  static Optional<DiskStatistics> of(Path directory) {
    try {
      return of(directory, Files.readAllLines(MOUNTS), Files.readAllLines(DISKS));
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "what the kernel counts cannot be read", e);
      return Optional.empty();
    }
  }

  static Optional<DiskStatistics> of(Path directory, List<String> mounts, List<String> disks) {
    String wanted = directory.toAbsolutePath().normalize().toString();
    String device = null;
    for (String line : mounts) {
      String[] columns = line.split(" ");
      if (columns.length > MOUNT_POINT && unescaped(columns[MOUNT_POINT]).equals(wanted)) {
        // The last mount lies over those before it.
        device = columns[MOUNT_DEVICE];
      }
    }
    if (device == null) {
      return Optional.empty();
    }
    for (String line : disks) {
      String[] columns = line.trim().split(" +");
      if (columns.length > DISK_WEIGHTED_MILLIS && device.equals(columns[0] + ":" + columns[1])) {
        return Optional.of(
            new DiskStatistics(
                Long.parseLong(columns[DISK_READ_MILLIS]),
                Long.parseLong(columns[DISK_WRITE_MILLIS]),
                Long.parseLong(columns[DISK_WEIGHTED_MILLIS])));
      }
    }
    return Optional.empty();
  }

  /** Bytes that would end a column stand as a backslash and three octal digits. */
  private static String unescaped(String column) {
    if (column.indexOf('\\') < 0) {
      return column;
    }
    byte[] in = column.getBytes(StandardCharsets.UTF_8);
    byte[] out = new byte[in.length];
    int length = 0;
    for (int i = 0; i < in.length; i++) {
      if (in[i] == '\\' && i + 3 < in.length) {
        out[length++] = (byte) ((in[i + 1] - '0') * 64 + (in[i + 2] - '0') * 8 + (in[i + 3] - '0'));
        i += 3;
      } else {
        out[length++] = in[i];
      }
    }
    return new String(out, 0, length, StandardCharsets.UTF_8);
  }
}
