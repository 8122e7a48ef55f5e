package org.eggsfs.gc.destruct;

import org.eggsfs.gc.Counters;

/** What destruction did. */
public final class DestructCounters extends Counters {
  final Counter visitedFiles = counter("visited_files");
  final Counter skippedFiles = counter("skipped_files");
  final Counter destructedFiles = counter("destructed_files");
  final Counter destructedSpans = counter("destructed_spans");
  final Counter destructedBlocks = counter("destructed_blocks");
  final Counter skippedSpans = counter("skipped_spans");
  final Counter tooRecentBlocks = counter("too_recent_blocks");
  final Counter postponedFiles = counter("postponed_files");
  final Counter failedFiles = failureCounter("failed_files");

  /** All zero. */
  public DestructCounters() {
    super("destruct_files");
  }
}
