package org.eggsfs.core;

import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The inner loop on the Vector API: a product is the xor of two look-ups in tables of 16, one for
 * each half of the byte. Needs {@code --add-modules jdk.incubator.vector}; {@link RsKernels} does
 * not load this class without it.
 *
 * <p>Blocks go through a scratch array piece by piece. The copy costs little and makes the speed
 * independent of what the segments are: loops that see both heap and native segments compile into
 * code that allocates each vector and is a hundred times slower.
 */
final class VectorKernel implements RsKernel {
  /** The name of this kernel. */
  static final String NAME = "vector";

  private static final VectorSpecies<Byte> SPECIES = ByteVector.SPECIES_PREFERRED;
  private static final int WIDTH = SPECIES.length();

  /** Bytes of both tables of a coefficient, each repeated to a whole vector. */
  private static final int TABLES = 2 * WIDTH;

  private static final int HALF = 16;
  private static final byte LOW = 0x0f;

  /** Vectors side by side per step, so that each loaded table is used twice. */
  private static final int STEP = 2 * WIDTH;

  /** Outputs per pass: with two vectors each, their sums and tables fit into 32 registers. */
  private static final int GROUP = 4;

  /** Bytes of each block per piece, so that all of (10,4) stays in a 32 KiB cache. */
  private static final int PIECE = 2048;

  /** Distance of blocks in the scratch array; not a power of two, which would collide in caches. */
  private static final int STRIDE = PIECE + 64;

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void apply(byte[] coefficients, MemorySegment[] in, MemorySegment[] out, long length) {
    int inputs = in.length;
    byte[] tables = tables(coefficients, inputs, out.length);
    byte[] scratch = new byte[(inputs + GROUP) * STRIDE];
    int sums = inputs * STRIDE;
    for (long from = 0; from < length; from += PIECE) {
      int size = (int) Math.min(PIECE, length - from);
      for (int k = 0; k < inputs; k++) {
        MemorySegment.copy(in[k], ValueLayout.JAVA_BYTE, from, scratch, k * STRIDE, size);
      }
      for (int first = 0; first < out.length; first += GROUP) {
        int count = Math.min(GROUP, out.length - first);
        int table = first * inputs * TABLES;
        // A last step past the size works on stale bytes, which are not copied out.
        switch (count) {
          case 1 -> sum1(tables, table, inputs, scratch, sums, size);
          case 2 -> sum2(tables, table, inputs, scratch, sums, size);
          case 3 -> {
            sum2(tables, table, inputs, scratch, sums, size);
            sum1(tables, table + 2 * inputs * TABLES, inputs, scratch, sums + 2 * STRIDE, size);
          }
          default -> sum4(tables, table, inputs, scratch, sums, size);
        }
        for (int r = 0; r < count; r++) {
          MemorySegment.copy(
              scratch, sums + r * STRIDE, out[first + r], ValueLayout.JAVA_BYTE, from, size);
        }
      }
    }
  }

  private static byte[] tables(byte[] coefficients, int inputs, int outputs) {
    byte[] tables = new byte[outputs * inputs * TABLES];
    for (int i = 0; i < outputs * inputs; i++) {
      int row = (coefficients[i] & 0xff) << 8;
      int at = i * TABLES;
      for (int half = 0; half < HALF; half++) {
        tables[at + half] = Galois.PRODUCTS[row | half];
        tables[at + WIDTH + half] = Galois.PRODUCTS[row | half << 4];
      }
      for (int repeated = HALF; repeated < WIDTH; repeated += HALF) {
        System.arraycopy(tables, at, tables, at + repeated, HALF);
        System.arraycopy(tables, at + WIDTH, tables, at + WIDTH + repeated, HALF);
      }
    }
    return tables;
  }

  private static ByteVector load(byte[] bytes, int at) {
    return ByteVector.fromArray(SPECIES, bytes, at);
  }

  private static ByteVector highHalf(ByteVector data) {
    // Shifting bytes is slow on x86, shifting ints is not.
    return data.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes().and(LOW);
  }

  // The three loops are one, written out: vectors must live in local variables, or they are
  // allocated.

  private static void sum1(
      byte[] tables, int firstTable, int inputs, byte[] scratch, int sums, int size) {
    for (int i = 0; i < size; i += STEP) {
      ByteVector sumA = ByteVector.zero(SPECIES);
      ByteVector sumB = ByteVector.zero(SPECIES);
      int table = firstTable;
      for (int k = 0; k < inputs; k++, table += TABLES) {
        ByteVector a = load(scratch, k * STRIDE + i);
        ByteVector b = load(scratch, k * STRIDE + i + WIDTH);
        ByteVector low = load(tables, table);
        ByteVector high = load(tables, table + WIDTH);
        sumA = sumA.lanewise(XOR, a.and(LOW).selectFrom(low));
        sumB = sumB.lanewise(XOR, b.and(LOW).selectFrom(low));
        sumA = sumA.lanewise(XOR, highHalf(a).selectFrom(high));
        sumB = sumB.lanewise(XOR, highHalf(b).selectFrom(high));
      }
      sumA.intoArray(scratch, sums + i);
      sumB.intoArray(scratch, sums + i + WIDTH);
    }
  }

  private static void sum2(
      byte[] tables, int firstTable, int inputs, byte[] scratch, int sums, int size) {
    int row = inputs * TABLES;
    for (int i = 0; i < size; i += STEP) {
      ByteVector sumA0 = ByteVector.zero(SPECIES);
      ByteVector sumB0 = ByteVector.zero(SPECIES);
      ByteVector sumA1 = ByteVector.zero(SPECIES);
      ByteVector sumB1 = ByteVector.zero(SPECIES);
      int table = firstTable;
      for (int k = 0; k < inputs; k++, table += TABLES) {
        ByteVector a = load(scratch, k * STRIDE + i);
        ByteVector b = load(scratch, k * STRIDE + i + WIDTH);
        ByteVector lowA = a.and(LOW);
        ByteVector lowB = b.and(LOW);
        ByteVector highA = highHalf(a);
        ByteVector highB = highHalf(b);
        ByteVector low = load(tables, table);
        ByteVector high = load(tables, table + WIDTH);
        sumA0 = sumA0.lanewise(XOR, lowA.selectFrom(low)).lanewise(XOR, highA.selectFrom(high));
        sumB0 = sumB0.lanewise(XOR, lowB.selectFrom(low)).lanewise(XOR, highB.selectFrom(high));
        low = load(tables, table + row);
        high = load(tables, table + row + WIDTH);
        sumA1 = sumA1.lanewise(XOR, lowA.selectFrom(low)).lanewise(XOR, highA.selectFrom(high));
        sumB1 = sumB1.lanewise(XOR, lowB.selectFrom(low)).lanewise(XOR, highB.selectFrom(high));
      }
      sumA0.intoArray(scratch, sums + i);
      sumB0.intoArray(scratch, sums + i + WIDTH);
      sumA1.intoArray(scratch, sums + STRIDE + i);
      sumB1.intoArray(scratch, sums + STRIDE + i + WIDTH);
    }
  }

  private static void sum4(
      byte[] tables, int firstTable, int inputs, byte[] scratch, int sums, int size) {
    int row = inputs * TABLES;
    for (int i = 0; i < size; i += STEP) {
      ByteVector sumA0 = ByteVector.zero(SPECIES);
      ByteVector sumB0 = ByteVector.zero(SPECIES);
      ByteVector sumA1 = ByteVector.zero(SPECIES);
      ByteVector sumB1 = ByteVector.zero(SPECIES);
      ByteVector sumA2 = ByteVector.zero(SPECIES);
      ByteVector sumB2 = ByteVector.zero(SPECIES);
      ByteVector sumA3 = ByteVector.zero(SPECIES);
      ByteVector sumB3 = ByteVector.zero(SPECIES);
      int table = firstTable;
      for (int k = 0; k < inputs; k++, table += TABLES) {
        ByteVector a = load(scratch, k * STRIDE + i);
        ByteVector b = load(scratch, k * STRIDE + i + WIDTH);
        ByteVector lowA = a.and(LOW);
        ByteVector lowB = b.and(LOW);
        ByteVector highA = highHalf(a);
        ByteVector highB = highHalf(b);
        ByteVector low = load(tables, table);
        ByteVector high = load(tables, table + WIDTH);
        sumA0 = sumA0.lanewise(XOR, lowA.selectFrom(low)).lanewise(XOR, highA.selectFrom(high));
        sumB0 = sumB0.lanewise(XOR, lowB.selectFrom(low)).lanewise(XOR, highB.selectFrom(high));
        low = load(tables, table + row);
        high = load(tables, table + row + WIDTH);
        sumA1 = sumA1.lanewise(XOR, lowA.selectFrom(low)).lanewise(XOR, highA.selectFrom(high));
        sumB1 = sumB1.lanewise(XOR, lowB.selectFrom(low)).lanewise(XOR, highB.selectFrom(high));
        low = load(tables, table + 2 * row);
        high = load(tables, table + 2 * row + WIDTH);
        sumA2 = sumA2.lanewise(XOR, lowA.selectFrom(low)).lanewise(XOR, highA.selectFrom(high));
        sumB2 = sumB2.lanewise(XOR, lowB.selectFrom(low)).lanewise(XOR, highB.selectFrom(high));
        low = load(tables, table + 3 * row);
        high = load(tables, table + 3 * row + WIDTH);
        sumA3 = sumA3.lanewise(XOR, lowA.selectFrom(low)).lanewise(XOR, highA.selectFrom(high));
        sumB3 = sumB3.lanewise(XOR, lowB.selectFrom(low)).lanewise(XOR, highB.selectFrom(high));
      }
      sumA0.intoArray(scratch, sums + i);
      sumB0.intoArray(scratch, sums + i + WIDTH);
      sumA1.intoArray(scratch, sums + STRIDE + i);
      sumB1.intoArray(scratch, sums + STRIDE + i + WIDTH);
      sumA2.intoArray(scratch, sums + 2 * STRIDE + i);
      sumB2.intoArray(scratch, sums + 2 * STRIDE + i + WIDTH);
      sumA3.intoArray(scratch, sums + 3 * STRIDE + i);
      sumB3.intoArray(scratch, sums + 3 * STRIDE + i + WIDTH);
    }
  }
}
