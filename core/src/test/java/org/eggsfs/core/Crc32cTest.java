package org.eggsfs.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/**
 * Goal: the algebra of checksums gives what the bytes would give. Method: random strings, and laws
 * that hold for lengths too long to sum.
 */
class Crc32cTest {
  private static int sum(byte[] bytes) {
    return Crc32c.sum(0, bytes, 0, bytes.length);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] random(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  @Example
  void publishedValues() {
    assertEquals(0xe3069283, sum(ascii("123456789")));
    assertEquals(0, sum(new byte[0]));
    assertEquals(0x98f94189, Crc32c.zeros(4096));
    assertEquals(0xe3069283, Crc32c.append(sum(ascii("12345")), sum(ascii("6789")), 4));
    assertEquals(0xe371e60b, Crc32c.zeroExtend(0xe3069283, 4087));
    assertEquals(0xe63b13a7, Crc32c.xor(sum(ascii("12345678")), sum(ascii("abcdefgh")), 8));
  }

  @Property(tries = 200)
  void concatenation(
      @ForAll @IntRange(max = 5000) int lengthA,
      @ForAll @IntRange(max = 5000) int lengthB,
      @ForAll long seed) {
    byte[] whole = random(lengthA + lengthB, seed);
    int a = Crc32c.sum(0, whole, 0, lengthA);
    int b = Crc32c.sum(0, whole, lengthA, lengthB);
    assertEquals(sum(whole), Crc32c.append(a, b, lengthB));
    assertEquals(sum(whole), Crc32c.sum(a, whole, lengthA, lengthB));
    ByteBuffer direct = ByteBuffer.allocateDirect(lengthB).put(whole, lengthA, lengthB).flip();
    assertEquals(sum(whole), Crc32c.sum(a, direct));
    assertFalse(direct.hasRemaining());
  }

  @Property(tries = 200)
  void exclusiveOr(@ForAll @IntRange(max = 3000) int length, @ForAll long seed) {
    byte[] a = random(length, seed);
    byte[] b = random(length, ~seed);
    byte[] both = new byte[length];
    for (int i = 0; i < length; i++) {
      both[i] = (byte) (a[i] ^ b[i]);
    }
    assertEquals(sum(both), Crc32c.xor(sum(a), sum(b), length));
  }

  @Property(tries = 200)
  void zerosComeAndGo(
      @ForAll @IntRange(max = 300) int length,
      @ForAll @IntRange(max = 5000) int zeros,
      @ForAll long seed) {
    byte[] bytes = random(length, seed);
    int extended = sum(Arrays.copyOf(bytes, length + zeros));
    assertEquals(extended, Crc32c.zeroExtend(sum(bytes), zeros));
    assertEquals(sum(bytes), Crc32c.zeroExtend(extended, -zeros));
  }

  @Property(tries = 200)
  void longLengthsObeyTheLaws(
      @ForAll int crc, @ForAll int other, @ForAll @LongRange(min = 0, max = 1L << 60) long length) {
    // Removing what was appended, in either notation, restores the checksum.
    assertEquals(crc, Crc32c.zeroExtend(Crc32c.zeroExtend(crc, length), -length));
    // Appending zeros is extending by them; in two steps or in one.
    assertEquals(Crc32c.zeroExtend(crc, length), Crc32c.append(crc, Crc32c.zeros(length), length));
    long half = length / 2;
    assertEquals(
        Crc32c.zeroExtend(crc, length),
        Crc32c.zeroExtend(Crc32c.zeroExtend(crc, half), length - half));
    assertEquals(other, Crc32c.append(0, other, length));
    // The same length again takes the look-up tables.
    int first = Crc32c.append(crc, other, length);
    for (int i = 0; i < 3; i++) {
      assertEquals(first, Crc32c.append(crc, other, length));
    }
  }

  @Property(tries = 60)
  void checksumsOfASpanFitItsBytes(
      @ForAll @IntRange(min = 1, max = 15) int d,
      @ForAll @IntRange(max = 5) int p,
      @ForAll @IntRange(min = 1, max = 4) int stripes,
      @ForAll @IntRange(max = 20_000) int size,
      @ForAll long seed) {
    int parity = Parity.of(d, d == 1 ? p : Math.max(p, 1));
    int blocks = Parity.blocks(parity);
    long cellSize = 96;
    int capacity = (int) (cellSize * d * stripes);
    byte[] content = random(Math.min(size, capacity), seed);
    byte[] padded = Arrays.copyOf(content, capacity);
    int spanCrc = sum(Arrays.copyOf(content, size));

    byte[][] blockBytes = new byte[blocks][(int) (stripes * cellSize)];
    int[] cells = new int[stripes * blocks];
    int[] expectedStripes = new int[stripes];
    for (int s = 0; s < stripes; s++) {
      MemorySegment[] row = new MemorySegment[blocks];
      for (int b = 0; b < blocks; b++) {
        row[b] = MemorySegment.ofArray(blockBytes[b]).asSlice(s * cellSize, cellSize);
        if (b < d) {
          row[b].copyFrom(MemorySegment.ofArray(padded).asSlice((s * d + b) * cellSize, cellSize));
        }
      }
      ReedSolomon.get(parity)
          .encode(Arrays.copyOf(row, d), Arrays.copyOfRange(row, d, blocks), cellSize);
      for (int b = 0; b < blocks; b++) {
        cells[s * blocks + b] = Crc32c.sum(0, blockBytes[b], (int) (s * cellSize), (int) cellSize);
      }
      expectedStripes[s] = Crc32c.sum(0, padded, (int) (cellSize * d * s), (int) (d * cellSize));
    }

    int[] blockCrcs = SpanCrcs.blockCrcs(cells, blocks, cellSize);
    for (int b = 0; b < blocks; b++) {
      assertEquals(sum(blockBytes[b]), blockCrcs[b]);
    }
    int[] stripeCrcs = SpanCrcs.stripeCrcs(cells, blocks, d, cellSize);
    assertTrue(Arrays.equals(expectedStripes, stripeCrcs));
    assertEquals(spanCrc, SpanCrcs.spanCrc(stripeCrcs, d, cellSize, size));
    assertTrue(SpanCrcs.areConsistent(cells, parity, stripes, cellSize, size, spanCrc));

    // Any wrong bit in what can be checked is found: data cells, mirrors, the first parity, the
    // sum.
    Random random = new Random(seed);
    int flip = 1 << random.nextInt(32);
    assertFalse(SpanCrcs.areConsistent(cells, parity, stripes, cellSize, size, spanCrc ^ flip));
    int checked = d == 1 ? blocks : d + 1;
    int victim = random.nextInt(stripes) * blocks + random.nextInt(checked);
    cells[victim] ^= flip;
    assertFalse(SpanCrcs.areConsistent(cells, parity, stripes, cellSize, size, spanCrc));
  }
}
