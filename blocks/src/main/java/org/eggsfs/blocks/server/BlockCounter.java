package org.eggsfs.blocks.server;

import java.util.Arrays;
import org.eggsfs.blocks.format.BlockFormat;

/**
 * How many blocks a disk holds (blocks.md section 4.4). The directories are counted one after
 * another after the start, while blocks come and go; until all are, the number that the shuckle
 * remembers is better than a part. Whoever adds or removes a block of a directory, or counts it,
 * holds {@link #lock} of that directory meanwhile, so no block is counted twice or missed.
 */
final class BlockCounter {
  private static final int UNKNOWN = -1;

  private final Object[] locks = new Object[BlockFormat.SUB_DIRECTORIES];

  // Guarded by this.
  private final int[] counts = new int[BlockFormat.SUB_DIRECTORIES];
  private int unknown = BlockFormat.SUB_DIRECTORIES;
  private long counted;
  private long remembered;

  BlockCounter() {
    Arrays.fill(counts, UNKNOWN);
    Arrays.setAll(locks, i -> new Object());
  }

  Object lock(int directory) {
    return locks[directory];
  }

  /** The result of counting a directory, under its lock. */
  synchronized void set(int directory, int count) {
    if (counts[directory] == UNKNOWN) {
      unknown--;
    } else {
      counted -= counts[directory];
    }
    counts[directory] = count;
    counted += count;
  }

  /** A block has come (1) or gone (-1), under the directory's lock. */
  synchronized void add(int directory, int change) {
    if (counts[directory] != UNKNOWN) {
      counts[directory] += change;
      counted += change;
    }
  }

  /** What the shuckle was told last, before this start. */
  synchronized void remember(long blocks) {
    remembered = blocks;
  }

  synchronized boolean isComplete() {
    return unknown == 0;
  }

  synchronized long count() {
    return unknown == 0 ? counted : Math.max(counted, remembered);
  }
}
