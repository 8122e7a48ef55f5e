package org.eggsfs.core;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The erasure code of one parity (D,P) (wire.md section 8.1, blocks.md section 9): D data blocks, P
 * parity blocks, any D of the B recover the rest. (1,P) is mirroring. Thread-safe; operates on any
 * byte range of the cells as long as it is the same range in all of them.
 */
public final class ReedSolomon {
  /** Recovery matrices kept per code; a cluster with disks down uses a handful. */
  private static final int RECOVERIES_MAX = 512;

  private static final ReedSolomon[] CODES = new ReedSolomon[256];

  private final int dataBlocks;
  private final int parityBlocks;
  private final byte[] parityMatrix;
  private final RsKernel kernel;
  private final ConcurrentHashMap<Long, byte[]> recoveries = new ConcurrentHashMap<>();

  ReedSolomon(int parity, RsKernel kernel) {
    if (!Parity.isValid(parity)) {
      throw new IllegalArgumentException("no code " + Parity.format(parity));
    }
    this.dataBlocks = Parity.data(parity);
    this.parityBlocks = Parity.parity(parity);
    this.kernel = kernel;
    this.parityMatrix = new byte[parityBlocks * dataBlocks];
    for (int p = 0; p < parityBlocks; p++) {
      for (int d = 0; d < dataBlocks; d++) {
        parityMatrix[p * dataBlocks + d] = (byte) coefficient(p, d);
      }
    }
  }

  /**
   * The code of a parity byte, with the fastest kernel that this machine has.
   *
   * @throws IllegalArgumentException if D is 0, or D is above 1 without parity
   */
  public static ReedSolomon get(int parity) {
    if (!Parity.isValid(parity)) {
      throw new IllegalArgumentException("no code " + Parity.format(parity));
    }
    synchronized (CODES) {
      if (CODES[parity] == null) {
        CODES[parity] = new ReedSolomon(parity, RsKernels.best());
      }
      return CODES[parity];
    }
  }

  /** The name of the kernel in use: {@code native}, {@code vector} or {@code scalar}. */
  public String implementation() {
    return kernel.name();
  }

  /** A scaled Cauchy matrix whose first row and column are ones: parity 0 is the plain xor. */
  private int coefficient(int p, int d) {
    if (dataBlocks == 1) {
      return 1;
    }
    int x = dataBlocks + p;
    int numerator = Galois.multiply(x, dataBlocks ^ d);
    int denominator = Galois.multiply(x ^ d, dataBlocks);
    return Galois.multiply(numerator, Galois.inverse(denominator));
  }

  /** A copy of row {@code p} of the parity matrix. */
  byte[] parityRow(int p) {
    return Arrays.copyOfRange(parityMatrix, p * dataBlocks, (p + 1) * dataBlocks);
  }

  /**
   * Computes all parity cells.
   *
   * @param data D cells
   * @param parity P cells to be written
   * @param length bytes of each cell to process
   */
  public void encode(MemorySegment[] data, MemorySegment[] parity, long length) {
    if (data.length != dataBlocks || parity.length != parityBlocks) {
      throw new IllegalArgumentException(
          "expected " + dataBlocks + " data and " + parityBlocks + " parity cells");
    }
    checkCells(data, length);
    checkCells(parity, length);
    if (dataBlocks == 1) {
      for (MemorySegment mirror : parity) {
        MemorySegment.copy(data[0], 0, mirror, 0, length);
      }
      return;
    }
    kernel.apply(parityMatrix, data, parity, length);
  }

  /**
   * Recovers blocks from any D others.
   *
   * @param have D distinct block indices, in any order
   * @param haveCells their cells, in the order of {@code have}
   * @param want block indices to recover
   * @param out cells to be written, in the order of {@code want}; they overlap none of the others
   * @param length bytes of each cell to process
   */
  public void recover(
      int[] have, MemorySegment[] haveCells, int[] want, MemorySegment[] out, long length) {
    if (have.length != dataBlocks || haveCells.length != dataBlocks || want.length != out.length) {
      throw new IllegalArgumentException("recovery needs exactly " + dataBlocks + " blocks");
    }
    checkIndices(have);
    checkIndices(want);
    checkCells(haveCells, length);
    checkCells(out, length);
    byte[] inverse = inverse(have);
    // No loss needs more than P outputs, but a caller may ask for blocks that it has.
    for (int first = 0; first < want.length; first += Parity.PARITY_MAX) {
      int end = Math.min(want.length, first + Parity.PARITY_MAX);
      byte[] weights = weights(inverse, Arrays.copyOfRange(want, first, end));
      kernel.apply(weights, haveCells, Arrays.copyOfRange(out, first, end), length);
    }
  }

  /** The generator rows of {@code want} times the inverse. */
  private byte[] weights(byte[] inverse, int[] want) {
    byte[] weights = new byte[want.length * dataBlocks];
    for (int w = 0; w < want.length; w++) {
      byte[] row = generatorRow(want[w]);
      for (int k = 0; k < dataBlocks; k++) {
        int sum = 0;
        for (int j = 0; j < dataBlocks; j++) {
          sum ^= Galois.multiply(row[j] & 0xff, inverse[j * dataBlocks + k] & 0xff);
        }
        weights[w * dataBlocks + k] = (byte) sum;
      }
    }
    return weights;
  }

  private void checkIndices(int[] blocks) {
    for (int block : blocks) {
      if (block < 0 || block >= dataBlocks + parityBlocks) {
        throw new IllegalArgumentException("no block " + block);
      }
    }
  }

  /** Before the first byte is written, so that a mistake leaves all outputs as they were. */
  private static void checkCells(MemorySegment[] cells, long length) {
    for (MemorySegment cell : cells) {
      if (length < 0 || length > cell.byteSize()) {
        throw new IndexOutOfBoundsException(
            length + " bytes of a cell of " + cell.byteSize() + " bytes");
      }
    }
  }

  private byte[] generatorRow(int block) {
    if (block >= dataBlocks) {
      return parityRow(block - dataBlocks);
    }
    byte[] row = new byte[dataBlocks];
    row[block] = 1;
    return row;
  }

  /** The inverse of the generator rows of {@code have}; cached by their order. */
  private byte[] inverse(int[] have) {
    // A long holds 12 indices of five bits; wider codes are rare enough not to be cached.
    boolean cacheable = dataBlocks <= 12;
    long key = 0;
    if (cacheable) {
      for (int block : have) {
        key = key << 5 | block;
      }
      byte[] cached = recoveries.get(key);
      if (cached != null) {
        return cached;
      }
    }
    byte[] inverse = invert(have);
    if (cacheable) {
      if (recoveries.size() >= RECOVERIES_MAX) {
        recoveries.clear();
      }
      recoveries.put(key, inverse);
    }
    return inverse;
  }

  /** Gauss-Jordan elimination over the field. */
  private byte[] invert(int[] have) {
    int n = dataBlocks;
    int[][] rows = new int[n][2 * n];
    for (int k = 0; k < n; k++) {
      byte[] row = generatorRow(have[k]);
      for (int j = 0; j < n; j++) {
        rows[k][j] = row[j] & 0xff;
      }
      rows[k][n + k] = 1;
    }
    for (int column = 0; column < n; column++) {
      int pivot = column;
      while (pivot < n && rows[pivot][column] == 0) {
        pivot++;
      }
      if (pivot == n) {
        throw new IllegalArgumentException("blocks are not distinct: " + Arrays.toString(have));
      }
      int[] swapped = rows[pivot];
      rows[pivot] = rows[column];
      rows[column] = swapped;
      int scale = Galois.inverse(swapped[column]);
      for (int j = 0; j < 2 * n; j++) {
        swapped[j] = Galois.multiply(swapped[j], scale);
      }
      for (int other = 0; other < n; other++) {
        int factor = rows[other][column];
        if (other != column && factor != 0) {
          for (int j = 0; j < 2 * n; j++) {
            rows[other][j] ^= Galois.multiply(factor, swapped[j]);
          }
        }
      }
    }
    byte[] inverse = new byte[n * n];
    for (int k = 0; k < n; k++) {
      for (int j = 0; j < n; j++) {
        inverse[k * n + j] = (byte) rows[k][n + j];
      }
    }
    return inverse;
  }
}
