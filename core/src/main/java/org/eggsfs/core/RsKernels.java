package org.eggsfs.core;

/** Chooses the kernel of the erasure code once, at first use. */
final class RsKernels {
  private static final RsKernel BEST = new ScalarKernel();

  private RsKernels() {}

  static RsKernel best() {
    return BEST;
  }
}
