package org.eggsfs.tests.scenario;

import org.eggsfs.tests.cluster.ClusterConfig;
import org.eggsfs.tests.faults.Clocks;

/** A scenario that the suite contains several times, with other clusters and other disturbances. */
abstract class DisturbedScenario implements Scenario {
  private final String name;
  private final ClusterConfig cluster;
  private final boolean inShortSuite;

  /** What happens to the cluster meanwhile. */
  final Disturbance disturbance;

  DisturbedScenario(
      String name, ClusterConfig cluster, Disturbance disturbance, boolean inShortSuite) {
    this.name = name;
    this.cluster = cluster;
    this.disturbance = disturbance;
    this.inShortSuite = inShortSuite;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final ClusterConfig cluster() {
    return cluster;
  }

  @Override
  public final String missing() {
    return cluster.ownClocks() ? Clocks.unavailable() : null;
  }

  @Override
  public final boolean isInShortSuite() {
    return inShortSuite;
  }
}
