package org.eggsfs.gc;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eggsfs.net.Measurement;

/**
 * What the daemon sends to InfluxDB (gc.md section 10): in {@code eggsfs_gc} the fields that
 * dashboards of TernFS know, and the number of active alerts; in {@code eggsfs_gc_job}, tagged with
 * the process and the job, everything that a job counts.
 */
final class GcMetrics {
  private static final String KNOWN = "eggsfs_gc";
  private static final String OWN = "eggsfs_gc_job";

  /** The names of gc.md section 10, by job; all of defragmentation's begin with its name. */
  private static final Map<String, Set<String>> KNOWN_FIELDS =
      Map.of(
          "collect_directories",
          Set.of(
              "visited_directories", "visited_edges", "collected_edges", "destructed_directories"),
          "destruct_files",
          Set.of(
              "visited_files",
              "destructed_files",
              "destructed_spans",
              "skipped_spans",
              "skipped_files",
              "destructed_blocks",
              "failed_files"),
          "scrub",
          Set.of(
              "checked_bytes",
              "checked_blocks",
              "scrubbed_files",
              "scrubbed_blocks",
              "scrubbed_bytes",
              "decommissioned_blocks"));

  private static final Set<String> KNOWN_PREFIXES =
      Set.of("defrag_analyzed_", "defragged_", "zero_block_service_files_");

  private GcMetrics() {}

  /**
   * What there is to tell now.
   *
   * @param instance the name of this process
   */
  static List<Measurement> of(String instance, List<GcJob> jobs, Alerts alerts) {
    List<Measurement> all = new ArrayList<>();
    Measurement known = new Measurement(KNOWN).field("alerts_active", alerts.active().size());
    all.add(known);
    for (GcJob job : jobs) {
      Measurement own = new Measurement(OWN).tag("instance", instance).tag("job", job.name());
      job.counters()
          .values()
          .forEach(
              (name, value) -> {
                own.field(name, value);
                if (isKnown(job.name(), name)) {
                  known.field(name, value);
                }
              });
      all.add(own);
      all.addAll(job.measurements());
    }
    return all;
  }

  private static boolean isKnown(String job, String field) {
    return KNOWN_FIELDS.getOrDefault(job, Set.of()).contains(field)
        || KNOWN_PREFIXES.stream().anyMatch(field::startsWith);
  }
}
