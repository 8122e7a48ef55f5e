package org.eggsfs.run.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Damages messages the way that finds mistakes in decoders: most of a message stays as it was, so
 * that what is wrong is reached.
 */
final class MessageMutator {
  private static final long[] EXTREMES = {
    0,
    1,
    -1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    0xffff_ffffL,
    Long.MAX_VALUE,
    Long.MIN_VALUE
  };

  private static final int[] WIDTHS = {1, 2, 4, 8};
  private static final int STEPS_MAX = 4;
  private static final int GROWTH_MAX = 64;

  private final RandomGenerator random;

  MessageMutator(RandomGenerator random) {
    this.random = random;
  }

  /**
   * A damaged copy.
   *
   * @param other another message, of which a part may be put in
   */
  byte[] mutate(byte[] message, byte[] other) {
    byte[] bytes = message.clone();
    int steps = 1 + random.nextInt(STEPS_MAX);
    for (int i = 0; i < steps; i++) {
      bytes = step(bytes, other);
    }
    return bytes;
  }

  private byte[] step(byte[] bytes, byte[] other) {
    return switch (random.nextInt(8)) {
      case 0, 1 -> flip(bytes);
      // Lengths and counts are somewhere among these.
      case 2, 3 -> putExtreme(bytes);
      case 4 -> Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
      case 5 -> splice(bytes, other);
      case 6 -> repeat(bytes);
      default -> grow(bytes);
    };
  }

  private byte[] flip(byte[] bytes) {
    if (bytes.length > 0) {
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return bytes;
  }

  private byte[] putExtreme(byte[] bytes) {
    int width = WIDTHS[random.nextInt(WIDTHS.length)];
    if (bytes.length >= width) {
      int at = random.nextInt(bytes.length - width + 1);
      byte[] extreme =
          ByteBuffer.allocate(Long.BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(EXTREMES[random.nextInt(EXTREMES.length)])
              .array();
      System.arraycopy(extreme, 0, bytes, at, width);
    }
    return bytes;
  }

  private byte[] splice(byte[] bytes, byte[] other) {
    int head = random.nextInt(bytes.length + 1);
    int tail = random.nextInt(other.length + 1);
    byte[] spliced = Arrays.copyOf(bytes, head + other.length - tail);
    System.arraycopy(other, tail, spliced, head, other.length - tail);
    return spliced;
  }

  private byte[] repeat(byte[] bytes) {
    int from = random.nextInt(bytes.length + 1);
    int to = from + random.nextInt(Math.min(GROWTH_MAX, bytes.length - from) + 1);
    byte[] repeated = Arrays.copyOf(bytes, bytes.length + to - from);
    System.arraycopy(bytes, from, repeated, to, bytes.length - from);
    return repeated;
  }

  private byte[] grow(byte[] bytes) {
    byte[] grown = Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(GROWTH_MAX));
    for (int i = bytes.length; i < grown.length; i++) {
      grown[i] = (byte) random.nextInt();
    }
    return grown;
  }
}
