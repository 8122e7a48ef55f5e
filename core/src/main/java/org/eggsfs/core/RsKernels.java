package org.eggsfs.core;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/**
 * Chooses the kernel of the erasure code once, at first use: the fastest that this machine, this
 * build and this Java runtime have, or the one that {@code -Deggsfs.rs} names.
 */
final class RsKernels {
  /** Forces a kernel: {@code native}, {@code vector} or {@code scalar}. */
  static final String PROPERTY = "eggsfs.rs";

  private static final Logger LOG = System.getLogger(RsKernels.class.getName());

  /** Lazy, because only readers and writers of data need it: other programs do not load C. */
  private static final class Holder {
    static final RsKernel BEST = choose(System.getProperty(PROPERTY));
  }

  private RsKernels() {}

  static RsKernel best() {
    return Holder.BEST;
  }

  /**
   * The named kernel, or the best one for {@code null}.
   *
   * @throws IllegalStateException if the named one does not exist or cannot run here
   */
  static RsKernel choose(String name) {
    if (name != null) {
      try {
        return load(name);
      } catch (KernelUnavailableException e) {
        throw new IllegalStateException(
            "-D" + PROPERTY + "=" + name + " cannot be used: " + e.getMessage(), e);
      }
    }
    for (String candidate : new String[] {NativeKernel.NAME, VectorKernel.NAME}) {
      try {
        return load(candidate);
      } catch (KernelUnavailableException e) {
        LOG.log(Level.INFO, "erasure code: no {0} kernel here, {1}", candidate, e.getMessage());
      }
    }
    return new ScalarKernel();
  }

  private static RsKernel load(String name) throws KernelUnavailableException {
    return switch (name) {
      case NativeKernel.NAME -> NativeKernel.load();
      case VectorKernel.NAME -> vector();
      case ScalarKernel.NAME -> new ScalarKernel();
      default -> throw new KernelUnavailableException("there is no such kernel", null);
    };
  }

  private static RsKernel vector() throws KernelUnavailableException {
    // Asked first, so that VectorKernel is not even loaded where its module is missing.
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      throw new KernelUnavailableException(
          "Java runs without --add-modules jdk.incubator.vector", null);
    }
    return new VectorKernel();
  }
}
