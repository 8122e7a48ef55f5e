package org.eggsfs.tests.check;

import java.io.IOException;
import org.eggsfs.tests.cluster.Cluster;
import org.eggsfs.tests.scenario.Failure;

/** What is done and checked after each scenario, when nothing else runs any more. */
public final class Aftermath {
  private Aftermath() {}

  /**
   * Checks all metadata.
   *
   * @return what was found, for the report's line
   */
  public static String check(Cluster cluster) throws IOException, InterruptedException, Failure {
    fsck(cluster, "fsck");
    return "fsck clean";
  }

  private static void fsck(Cluster cluster, String when)
      throws IOException, InterruptedException, Failure {
    Cluster.CliResult result = cluster.cli("fsck", "--max-problems", "5");
    Failure.unless(
        result.exitCode() == 0,
        when + ": " + (result.output() + result.errors()).strip().replace('\n', '|'));
  }
}
