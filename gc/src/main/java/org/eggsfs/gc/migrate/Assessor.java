package org.eggsfs.gc.migrate;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.Disks;
import org.eggsfs.gc.repair.SpanPages;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.StatFileRequest;

/**
 * Reckons how endangered a file is: the remaining redundancy of its weakest span is P minus its
 * blocks on retired, silent or scheduled disks (gc.md section 11, item 15). Thread-safe.
 */
final class Assessor {
  /** Of a very long file only the beginning is looked at; its rank is then an estimate. */
  private static final int PAGES_MAX = 16;

  private final ShardCaller shards;
  private final Disks disks;

  Assessor(ShardCaller shards, Disks disks) {
    this.shards = shards;
    this.disks = disks;
  }

  /** Which files need work. */
  enum Need {
    /** It is not linked, perhaps not yet. */
    UNLINKED,
    /** It has no blocks there any more. */
    NONE,
    /** It has. */
    MOVE
  }

  /**
   * What was found.
   *
   * @param danger null unless there is something to move
   */
  record Assessment(Need need, MigrationQueue.Danger danger) {}

  Assessment assess(long file, Set<Long> scheduled) throws EggsException, IOException {
    int remaining = Integer.MAX_VALUE;
    int lostMost = 0;
    boolean affected = false;
    boolean whole = false;
    try {
      shards.shard(InodeIds.shard(file), new StatFileRequest(file));
      SpanPages pages = new SpanPages(shards, file);
      for (int page = 0; page < PAGES_MAX && !whole; page++) {
        List<StoredSpan> spans = pages.next();
        whole = spans.isEmpty();
        for (StoredSpan span : spans) {
          for (StoredSpan.Copy copy : span.copies()) {
            int lost = 0;
            for (StoredBlock block : copy.blocks()) {
              boolean leaves = scheduled.contains(block.service().id());
              affected |= leaves;
              if (leaves || disks.get(block.service().id()).isLost()) {
                lost++;
              }
            }
            if (lost > 0) {
              remaining = Math.min(remaining, copy.layout().parityBlocks() - lost);
              lostMost = Math.max(lostMost, lost);
            }
          }
        }
      }
    } catch (EggsException e) {
      if (e.code() != ErrorCode.FILE_NOT_FOUND) {
        throw e;
      }
      return new Assessment(Need.UNLINKED, null);
    }
    if (!affected && whole) {
      return new Assessment(Need.NONE, null);
    }
    if (lostMost == 0) {
      // Its block is behind the pages that were looked at.
      remaining = 0;
      lostMost = 1;
    }
    return new Assessment(Need.MOVE, new MigrationQueue.Danger(file, remaining, lostMost));
  }
}
