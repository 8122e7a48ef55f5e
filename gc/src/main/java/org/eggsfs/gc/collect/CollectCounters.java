package org.eggsfs.gc.collect;

import org.eggsfs.gc.Counters;

/** What collection did. */
public final class CollectCounters extends Counters {
  final Counter visitedDirectories = counter("visited_directories");
  final Counter visitedEdges = counter("visited_edges");
  final Counter collectedEdges = counter("collected_edges");
  final Counter destructedDirectories = counter("destructed_directories");
  final Counter conflicts = counter("conflicts");
  final Counter failedDirectories = failureCounter("failed_directories");
  final Counter postponedDirectories = counter("postponed_directories");

  /** All zero. */
  public CollectCounters() {
    super("collect_directories");
  }
}
