package org.eggsfs.cli;

import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.ReplacedBlock;
import org.eggsfs.gc.repair.StoredBlock;

/** Words for what repairs find and do. */
final class ScrubReport {
  private ScrubReport() {}

  static String of(StoredBlock block) {
    return InodeIds.format(block.file())
        + " span at "
        + block.spanOffset()
        + " block "
        + MessageJson.hex(block.blockId())
        + " on "
        + MessageJson.hex(block.service().id());
  }

  static String of(ReplacedBlock block) {
    return of(block.old())
        + " -> "
        + MessageJson.hex(block.newBlockId())
        + " on "
        + MessageJson.hex(block.newServiceId())
        + (block.copied() ? " (copied)" : " (rebuilt)");
  }
}
