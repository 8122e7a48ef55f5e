package org.eggsfs.gc.defrag;

import org.eggsfs.gc.Counters;

/** What defragmentation did since the start; any thread counts. */
public final class DefragCounters extends Counters {
  /** Files whose spans were looked at. */
  public final Counter analyzedFiles = counter("defrag_analyzed_files");

  /** Bytes of their spans. */
  public final Counter analyzedLogicalSize = counter("defrag_analyzed_logical_size");

  /** Blocks of their spans. */
  public final Counter analyzedBlocks = counter("defrag_analyzed_blocks");

  /** Spans that were rewritten. */
  public final Counter spans = counter("defragged_spans");

  /** Their bytes. */
  public final Counter logicalBytes = counter("defragged_logical_bytes");

  /** Blocks they had before. */
  public final Counter blocksBefore = counter("defragged_blocks_before");

  /** Bytes of those blocks. */
  public final Counter physicalBytesBefore = counter("defragged_physical_bytes_before");

  /** Blocks they have now. */
  public final Counter blocksAfter = counter("defragged_blocks_after");

  /** Bytes of these blocks. */
  public final Counter physicalBytesAfter = counter("defragged_physical_bytes_after");

  /** Spans left alone because they have copies at several or other locations. */
  public final Counter skippedLocations = counter("defrag_skipped_locations");

  /** Spans left alone because the policies allow none of their size, or they end in a gap. */
  public final Counter skippedSizes = counter("defrag_skipped_sizes");

  /** Files that were copied because of the sizes of their spans. */
  public final Counter resizedFiles = counter("defrag_resized_files");

  /** Their bytes. */
  public final Counter resizedBytes = counter("defrag_resized_logical_bytes");

  /** Spans they had before. */
  public final Counter resizedSpansBefore = counter("defrag_resized_spans_before");

  /** Spans they have now. */
  public final Counter resizedSpansAfter = counter("defrag_resized_spans_after");

  /** Copies thrown away because their name was removed, renamed or overwritten meanwhile. */
  public final Counter changedNames = counter("defrag_changed_names");

  /** Files that failed. */
  public final Counter failedFiles = failureCounter("defrag_failed_files");

  /** Walks that were incomplete: some directory could not be listed. */
  public final Counter failedWalks = failureCounter("defrag_failed_walks");

  /** Ended walks. */
  public final Counter cycles = counter("defrag_cycles");

  /** Scratch files made. */
  public final Counter scratchFiles = counter("defrag_scratch_files");

  /** Nothing done yet. */
  public DefragCounters() {
    super("defrag");
  }
}
