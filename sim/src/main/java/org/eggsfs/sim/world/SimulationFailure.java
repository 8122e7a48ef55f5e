package org.eggsfs.sim.world;

/** An oracle has seen something that must not happen. */
public final class SimulationFailure extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final String oracle;

  /**
   * A failure.
   *
   * @param oracle which one has seen it
   * @param what it has seen
   */
  public SimulationFailure(String oracle, String what) {
    super(what);
    this.oracle = oracle;
  }

  /** Which oracle has seen it. */
  public String oracle() {
    return oracle;
  }
}
