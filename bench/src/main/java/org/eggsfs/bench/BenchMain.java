package org.eggsfs.bench;

/** Entry of measuring processes that a benchmark starts. */
final class BenchMain {
  private BenchMain() {}

  /** Runs a benchmark. */
  public static void main(String[] args) {
    System.exit(BenchCommand.run(args));
  }
}
