package org.eggsfs.blocks.format;

import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Name of a file in {@code staged}: a block that is being written, with what it takes to tell later
 * whether all of it is there.
 *
 * <pre>
 * 178e5f3a2b1c0000.0000a000.d9c908eb.5f0c6a9d31b2e847
 * block id         size     CRC-32C  random
 * </pre>
 *
 * @param size data bytes, a multiple of {@link BlockFormat#PAGE}, below 4 GiB
 * @param crc of all of them
 */
public record StagedName(long blockId, long size, int crc) {
  /** The directory below the block service's own. */
  public static final String DIRECTORY = "staged";

  private static final Pattern PATTERN =
      Pattern.compile("([0-9a-f]{16})\\.([0-9a-f]{8})\\.([0-9a-f]{8})\\.[0-9a-f]{16}");

  /** The name, told apart from others for the same block by some number. */
  public String toString(long random) {
    HexFormat hex = HexFormat.of();
    return hex.toHexDigits(blockId)
        + '.'
        + hex.toHexDigits(Math.toIntExact(size))
        + '.'
        + hex.toHexDigits(crc)
        + '.'
        + hex.toHexDigits(random);
  }

  /** What a name says, or null if it is none. */
  public static StagedName parse(String name) {
    Matcher matcher = PATTERN.matcher(name);
    if (!matcher.matches()) {
      return null;
    }
    return new StagedName(
        HexFormat.fromHexDigitsToLong(matcher.group(1)),
        HexFormat.fromHexDigitsToLong(matcher.group(2)),
        HexFormat.fromHexDigits(matcher.group(3)));
  }
}
