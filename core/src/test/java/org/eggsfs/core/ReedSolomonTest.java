package org.eggsfs.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/**
 * Goal: all kernels compute the code that is defined, for every code, length, alignment and kind of
 * memory. Method: compare each with a bit-by-bit product in the field, and recover random losses.
 */
class ReedSolomonTest {
  private static final byte GUARD = 0x5a;

  /** Every kernel that runs on this machine, each variant of the native one included. */
  private static final List<RsKernel> KERNELS = kernels();

  private static List<RsKernel> kernels() {
    List<RsKernel> kernels = new ArrayList<>();
    kernels.add(new ScalarKernel());
    try {
      kernels.add(RsKernels.choose(VectorKernel.NAME));
    } catch (IllegalStateException e) {
      System.getLogger("tests").log(System.Logger.Level.WARNING, e.getMessage());
    }
    try {
      NativeKernel library = NativeKernel.load();
      for (NativeKernel.Level level : NativeKernel.Level.values()) {
        if (level.compareTo(library.level()) <= 0) {
          kernels.add(library.at(level));
        }
      }
    } catch (KernelUnavailableException e) {
      System.getLogger("tests").log(System.Logger.Level.WARNING, e.getMessage());
    }
    return kernels;
  }

  /** The product by the definition of blocks.md section 9.1, sharing nothing with the code. */
  private static int product(int a, int b) {
    int result = 0;
    for (int bit = 7; bit >= 0; bit--) {
      result <<= 1;
      if ((result & 0x100) != 0) {
        result ^= 0x11B;
      }
      if ((b >> bit & 1) != 0) {
        result ^= a;
      }
    }
    return result;
  }

  private static String describe(RsKernel kernel) {
    return kernel instanceof NativeKernel library ? "native " + library.level() : kernel.name();
  }

  private static byte[][] expected(byte[] coefficients, byte[][] in, int outputs, int length) {
    byte[][] out = new byte[outputs][length];
    for (int r = 0; r < outputs; r++) {
      for (int i = 0; i < length; i++) {
        for (int k = 0; k < in.length; k++) {
          out[r][i] ^= (byte) product(coefficients[r * in.length + k] & 0xff, in[k][i] & 0xff);
        }
      }
    }
    return out;
  }

  @Property(tries = 150)
  void kernelsAgreeWithTheDefinition(
      @ForAll @IntRange(min = 1, max = 15) int inputs,
      @ForAll @IntRange(min = 1, max = 15) int outputs,
      @ForAll @IntRange(min = 0, max = 700) int length,
      @ForAll long seed) {
    checkKernels(inputs, outputs, length, new Random(seed));
  }

  @Example
  void kernelsAgreeAroundTheirPieces() {
    Random random = new Random(7);
    for (int length : new int[] {2047, 2048, 2049, 8191, 8193, 65535, 65536, 65537, 70001}) {
      checkKernels(3, 1 + length % 15, length, random);
    }
  }

  private static void checkKernels(int inputs, int outputs, int length, Random random) {
    byte[] coefficients = new byte[inputs * outputs];
    random.nextBytes(coefficients);
    byte[][] in = new byte[inputs][length];
    for (byte[] block : in) {
      random.nextBytes(block);
    }
    byte[][] expected = expected(coefficients, in, outputs, length);
    for (RsKernel kernel : KERNELS) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment[] inCells = new MemorySegment[inputs];
        MemorySegment[] outCells = new MemorySegment[outputs];
        Arrays.setAll(inCells, k -> cell(arena, random, length));
        Arrays.setAll(outCells, r -> cell(arena, random, length));
        for (int k = 0; k < inputs; k++) {
          MemorySegment.copy(in[k], 0, inCells[k], ValueLayout.JAVA_BYTE, 0, length);
          inCells[k] = inCells[k].asReadOnly();
        }
        kernel.apply(coefficients, inCells, outCells, length);
        for (int r = 0; r < outputs; r++) {
          long mismatch =
              MemorySegment.mismatch(
                  outCells[r], 0, length, MemorySegment.ofArray(expected[r]), 0, length);
          assertEquals(-1, mismatch, describe(kernel) + ", output " + r);
          // Nothing is written behind the length.
          for (long i = length; i < outCells[r].byteSize(); i++) {
            assertEquals(GUARD, outCells[r].get(ValueLayout.JAVA_BYTE, i));
          }
        }
      }
    }
  }

  /** A cell on heap or off it, at any alignment, with guard bytes behind. */
  private static MemorySegment cell(Arena arena, Random random, int length) {
    int shift = random.nextInt(64);
    int size = shift + length + 70;
    MemorySegment whole =
        random.nextBoolean() ? arena.allocate(size) : MemorySegment.ofArray(new byte[size]);
    return whole.fill(GUARD).asSlice(shift);
  }

  @Example
  void everyCodeRecoversRandomLosses() {
    Random random = new Random(11);
    for (int d = 1; d <= Parity.DATA_MAX; d++) {
      for (int p = 0; p <= Parity.PARITY_MAX; p++) {
        if (Parity.isValid(Parity.of(d, p))) {
          for (RsKernel kernel : KERNELS) {
            recoverLosses(new ReedSolomon(Parity.of(d, p), kernel), d, p, random);
          }
        }
      }
    }
  }

  private static void recoverLosses(ReedSolomon code, int d, int p, Random random) {
    int length = 1 + random.nextInt(200);
    byte[][] blocks = new byte[d + p][length];
    for (int b = 0; b < d; b++) {
      random.nextBytes(blocks[b]);
    }
    MemorySegment[] cells = new MemorySegment[d + p];
    Arrays.setAll(cells, b -> MemorySegment.ofArray(blocks[b]));
    code.encode(Arrays.copyOf(cells, d), Arrays.copyOfRange(cells, d, d + p), length);

    List<Integer> order = new ArrayList<>();
    for (int b = 0; b < d + p; b++) {
      order.add(b);
    }
    for (int round = 0; round < 4; round++) {
      Collections.shuffle(order, random);
      int[] have = order.subList(0, d).stream().mapToInt(Integer::intValue).toArray();
      // Any count of wanted blocks from none to all, those at hand included.
      int[] want =
          order.reversed().subList(0, random.nextInt(d + p + 1)).stream()
              .mapToInt(Integer::intValue)
              .toArray();
      MemorySegment[] haveCells = new MemorySegment[d];
      Arrays.setAll(haveCells, k -> cells[have[k]]);
      MemorySegment[] out = new MemorySegment[want.length];
      Arrays.setAll(out, w -> MemorySegment.ofArray(new byte[length]));
      code.recover(have, haveCells, want, out, length);
      for (int w = 0; w < want.length; w++) {
        assertEquals(
            -1,
            out[w].mismatch(cells[want[w]]),
            () -> "(" + d + "," + p + ") have " + Arrays.toString(have));
      }
    }
  }

  @Example
  void rowsOfSmallerCodesArePrefixes() {
    for (int d = 2; d <= Parity.DATA_MAX; d++) {
      ReedSolomon widest = ReedSolomon.get(Parity.of(d, Parity.PARITY_MAX));
      for (int p = 1; p < Parity.PARITY_MAX; p++) {
        ReedSolomon code = ReedSolomon.get(Parity.of(d, p));
        for (int row = 0; row < p; row++) {
          assertTrue(Arrays.equals(widest.parityRow(row), code.parityRow(row)));
        }
      }
    }
  }

  @Example
  void misuseIsRefusedBeforeAnyByteIsWritten() {
    ReedSolomon code = ReedSolomon.get(Parity.of(2, 1));
    MemorySegment[] two = {
      MemorySegment.ofArray(new byte[10]), MemorySegment.ofArray(new byte[10])
    };
    MemorySegment[] one = {MemorySegment.ofArray(new byte[10])};
    MemorySegment[] small = {MemorySegment.ofArray(new byte[9])};
    assertThrows(IllegalArgumentException.class, () -> ReedSolomon.get(Parity.of(2, 0)));
    assertThrows(IllegalArgumentException.class, () -> ReedSolomon.get(0));
    assertThrows(IllegalArgumentException.class, () -> code.encode(one, one, 10));
    assertThrows(
        IllegalArgumentException.class,
        () -> code.recover(new int[] {1, 1}, two, new int[] {0}, one, 10));
    assertThrows(
        IllegalArgumentException.class,
        () -> code.recover(new int[] {0, 3}, two, new int[] {1}, one, 10));
    assertThrows(
        IllegalArgumentException.class,
        () -> code.recover(new int[] {0, 1}, two, new int[] {-1}, one, 10));
    assertThrows(IndexOutOfBoundsException.class, () -> code.encode(two, small, 10));
  }

  @Example
  void kernelsCanBeForced() {
    for (RsKernel kernel : KERNELS) {
      assertEquals(kernel.name(), RsKernels.choose(kernel.name()).name());
    }
    assertThrows(IllegalStateException.class, () -> RsKernels.choose("abacus"));
  }
}
