package org.eggsfs.gc.migrate;

import java.util.Map;

/**
 * What a migration by hand did.
 *
 * @param files files that were looked at
 * @param movedBlocks blocks that were moved
 * @param movedBytes their bytes
 * @param unlinkedFiles files found that are not linked; theirs are moved if they are linked later
 * @param failed files that failed to the end, and why
 * @param unlistedShards shards whose files could not be listed, and why
 */
public record MigrateReport(
    long files,
    long movedBlocks,
    long movedBytes,
    long unlinkedFiles,
    Map<Long, Exception> failed,
    Map<Integer, Exception> unlistedShards) {
  /** Whether nothing that could be moved is left. */
  public boolean isComplete() {
    return failed.isEmpty() && unlistedShards.isEmpty();
  }
}
