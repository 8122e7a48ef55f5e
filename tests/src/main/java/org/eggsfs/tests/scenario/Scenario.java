package org.eggsfs.tests.scenario;

import org.eggsfs.tests.cluster.ClusterConfig;

/** One test of the suite: what it needs, what it does, and by which oracle it is judged. */
public interface Scenario {
  /** Unique, lower case, words. */
  String name();

  /** What judges it, in a few words. */
  String oracle();

  /** The cluster it wants; scenarios that want equal ones run on one after another. */
  default ClusterConfig cluster() {
    return ClusterConfig.ONE_PROCESS;
  }

  /** Whether the short suite contains it. */
  default boolean isInShortSuite() {
    return true;
  }

  /** Whether its cluster is of no use for others afterwards, since disks were given up. */
  default boolean usesUpCluster() {
    return false;
  }

  /** Whether it takes as long as it is told to, so that others had better run meanwhile. */
  default boolean goesOnForLong() {
    return false;
  }

  /** Why it cannot run here, or null. */
  default String missing() {
    return null;
  }

  /**
   * Runs it. Everything it makes may stay; the suite cleans up and checks.
   *
   * @throws Failure the oracle's verdict
   * @throws Exception whatever else went wrong counts as a failure too
   */
  void run(Run run) throws Exception;
}
