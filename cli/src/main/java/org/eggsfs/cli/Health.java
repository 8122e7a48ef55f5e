package org.eggsfs.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;

/**
 * How many more blocks each copy of a span can lose before it cannot be read from that location.
 * Blocks count as lost when their block service cannot be read (STALE, NO_READ, DECOMMISSIONED or
 * unknown); with checking also when the block server finds them damaged or missing.
 */
final class Health {
  private Health() {}

  /**
   * One copy of a span.
   *
   * @param lost how many of its blocks cannot be read
   * @param problems why, a line for each
   */
  record CopyHealth(StoredSpan span, StoredSpan.Copy copy, int lost, List<String> problems) {
    int full() {
      return Parity.parity(copy.parity());
    }

    /** Below zero the span is unreadable in this location. */
    int remaining() {
      return full() - lost;
    }
  }

  /** Looks at one copy. */
  static CopyHealth of(
      EggsClient client,
      BlockServices services,
      StoredSpan span,
      StoredSpan.Copy copy,
      boolean check)
      throws EggsException, IOException {
    List<String> problems = new ArrayList<>();
    List<StoredSpan.StoredBlock> readable = new ArrayList<>();
    for (StoredSpan.StoredBlock block : copy.blocks()) {
      if (services.isReadable(block.service())) {
        readable.add(block);
      } else {
        problems.add(where(block) + ": " + Tables.flags(services.flags(block.service())));
      }
    }
    if (check) {
      Parallel.map(readable, block -> BlockCheck.error(client, copy, block)).stream()
          .filter(error -> error != null)
          .forEach(problems::add);
    }
    return new CopyHealth(span, copy, problems.size(), problems);
  }

  static String where(StoredSpan.StoredBlock block) {
    return "block "
        + MessageJson.hex(block.id())
        + " on service "
        + MessageJson.hex(block.service().id());
  }
}
