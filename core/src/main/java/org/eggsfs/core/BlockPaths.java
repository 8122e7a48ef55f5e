package org.eggsfs.core;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Where a block lies below its service's directory (blocks.md section 3.2). */
public final class BlockPaths {
  /** Directory of all blocks. */
  public static final String ROOT = "with_crc";

  private static final ThreadLocal<MessageDigest> SHA1 =
      ThreadLocal.withInitial(
          () -> {
            try {
              return MessageDigest.getInstance("SHA-1");
            } catch (NoSuchAlgorithmException e) {
              throw new IllegalStateException("every Java platform has SHA-1", e);
            }
          });

  private BlockPaths() {}

  /** The file name: 16 lower-case hex digits. */
  public static String fileName(long blockId) {
    return HexFormat.of().toHexDigits(blockId);
  }

  /** The sub-directory's number, 0..255: ids are times, so their own bytes would cluster. */
  public static int subDirectory(long blockId) {
    byte[] digits = fileName(blockId).getBytes(StandardCharsets.US_ASCII);
    return SHA1.get().digest(digits)[0] & 0xff;
  }

  /** The path {@code with_crc/xx/name}. */
  public static String relative(long blockId) {
    return ROOT
        + "/"
        + HexFormat.of().toHexDigits((byte) subDirectory(blockId))
        + "/"
        + fileName(blockId);
  }
}
