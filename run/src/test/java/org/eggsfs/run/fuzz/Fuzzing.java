package org.eggsfs.run.fuzz;

/** How long and with which random choices, from {@code -Deggs.fuzz} and {@code -Deggs.seed}. */
final class Fuzzing {
  static final long SEED = Long.getLong("eggs.seed", 42);

  private static final long SECONDS = Long.getLong("eggs.fuzz", 0);

  private Fuzzing() {}

  /** Until when a test goes on, beyond its first rounds. */
  static long end() {
    return System.nanoTime() + SECONDS * 1_000_000_000L;
  }
}
