package org.eggsfs.tests.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Collectors as processes of their own, with times so short that what production does in days
 * happens in seconds. They may be killed at any moment.
 */
public final class GcProcesses implements AutoCloseable {
  private final Cluster cluster;
  private final List<RoleProcess> processes = new ArrayList<>();

  /** None yet. */
  public GcProcesses(Cluster cluster) {
    this.cluster = cluster;
  }

  /** Jobs of a process, as options of {@code eggs gc}. */
  public static final class Jobs {
    private Jobs() {}

    /** What was deleted goes at once. */
    public static final List<String> COLLECT =
        List.of(
            "--collect-directories",
            "--collect-directories-min-edge-age",
            "0",
            "--destruct-files",
            "--destruct-files-slack",
            "0",
            "--cycle-min",
            "1s");

    /** All blocks again and again, as fast as they can be checked. */
    public static final List<String> SCRUB =
        List.of(
            "--scrub",
            "--scrub-cycle-min",
            "2s",
            "--scrub-blocks-per-second",
            "0",
            "--scrub-bytes-per-second",
            "0",
            "--scrub-service-bytes-per-second",
            "0");

    /**
     * How long unfinished files may live where a migrator works: less than what it waits before it
     * takes an empty block service for empty for good.
     */
    public static final Duration TRANSIENT_DEADLINE = Duration.ofSeconds(20);

    /** One of several that share the files of decommissioned block services. */
    public static List<String> migrate(int index, int count) {
      return List.of(
          "--migrate",
          "--migrate-poll",
          "1s",
          "--migrate-confirm",
          TRANSIENT_DEADLINE.plusSeconds(5).toSeconds() + "s",
          "--num-migrators",
          Integer.toString(count),
          "--migrator-idx",
          Integer.toString(index));
    }
  }

  /** Starts one that does all of the given jobs and waits until it is ready. */
  @SafeVarargs
  public final RoleProcess start(String name, List<String>... jobs)
      throws IOException, InterruptedException {
    Path data = cluster.root().resolve("gc").resolve(name);
    Files.createDirectories(data);
    List<String> arguments =
        new ArrayList<>(List.of("--data-dir", data.toString(), "--log-level", "error"));
    for (List<String> job : jobs) {
      arguments.addAll(job);
    }
    RoleProcess process = cluster.addHelper(name, "gc", arguments);
    processes.add(process);
    process.start();
    process.awaitReady();
    return process;
  }

  /** All of them. */
  public List<RoleProcess> all() {
    return List.copyOf(processes);
  }

  /** Stops them in order. */
  @Override
  public void close() throws IOException {
    for (RoleProcess process : processes) {
      cluster.removeHelper(process);
    }
    processes.clear();
  }
}
