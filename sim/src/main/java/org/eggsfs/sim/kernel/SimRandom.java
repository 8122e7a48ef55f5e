package org.eggsfs.sim.kernel;

/** The one source of chance of a run: SplitMix64, whose whole state is a 64-bit number. */
public final class SimRandom {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;
  private static final double UNIT = 0x1.0p-53;

  private long state;

  /** Begins with a seed. */
  public SimRandom(long seed) {
    state = seed;
  }

  /** Any number. */
  public long nextLong() {
    state += GAMMA;
    long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** From 0 to {@code bound} - 1. */
  public int nextInt(int bound) {
    return (int) ((nextLong() >>> 33) % bound);
  }

  /** From {@code min} to {@code max}. */
  public long between(long min, long max) {
    return min + Long.remainderUnsigned(nextLong(), max - min + 1);
  }

  /** From 0 up to but not 1. */
  public double nextDouble() {
    return (nextLong() >>> 11) * UNIT;
  }

  /** True with that probability. */
  public boolean chance(double probability) {
    return probability > 0 && nextDouble() < probability;
  }

  /** Exponentially distributed. */
  public long exponential(double mean) {
    return (long) (-mean * Math.log(1 - nextDouble()));
  }
}
