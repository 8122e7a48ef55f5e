package org.eggsfs.tests.scenario;

import java.util.List;
import org.eggsfs.tests.cluster.ClusterConfig;

/** All scenarios in the order they run: those that share a cluster beside each other. */
public final class Scenarios {
  private Scenarios() {}

  /** The whole suite. */
  public static List<Scenario> all() {
    return List.of(
        new FileHistory(
            "file history", ClusterConfig.ONE_PROCESS, Disturbance.NONE, 10_000, 1_000, true));
  }
}
