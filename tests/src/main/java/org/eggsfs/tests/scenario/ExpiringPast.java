package org.eggsfs.tests.scenario;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.check.History;
import org.eggsfs.tests.cluster.GcProcesses;
import org.eggsfs.tests.cluster.GcProcesses.Jobs;

/**
 * Goal: the collector gives up what the policies of snapshots have given up, and nothing else
 * (gc.md section 3). Method: the same random versions and removals in directories that keep two
 * versions, some seconds, an hour, the shorter of both, or everything, under two collectors, until
 * each directory's past is exactly what its policy leaves; then a while longer. What is kept is
 * read.
 */
final class ExpiringPast implements Scenario {
  private static final long ACTIVE_TIME = Long.MIN_VALUE;
  private static final int ACTIVE_VERSIONS = 1 << 15;
  private static final int VERSIONS = 2;
  private static final Duration SOON = Duration.ofSeconds(8);
  private static final Duration LATE = Duration.ofHours(1);
  private static final long SECONDS_MAX = 180;
  private static final long POLL_MILLIS = 500;
  private static final long QUIET_MILLIS = 4_000;

  /** A version that somebody wrote. */
  private record Version(String name, long id, long seed, int size) {}

  /** What a directory is told to keep. */
  private record Rule(String name, long time, int versions, int keptVersions) {}

  /** {@code keptVersions}: past versions of a name that stay when enough time has passed. */
  private static final List<Rule> RULES =
      List.of(
          new Rule("versions", 0, ACTIVE_VERSIONS | VERSIONS, VERSIONS),
          new Rule("soon", ACTIVE_TIME | SOON.toNanos(), 0, 0),
          new Rule("late", ACTIVE_TIME | LATE.toNanos(), 0, Integer.MAX_VALUE),
          new Rule("both", ACTIVE_TIME | LATE.toNanos(), ACTIVE_VERSIONS | VERSIONS, VERSIONS),
          new Rule("all", 0, 0, Integer.MAX_VALUE),
          new Rule("none", ACTIVE_TIME, ACTIVE_VERSIONS, 0));

  @Override
  public String name() {
    return "expiring past";
  }

  @Override
  public String oracle() {
    return "the past of each directory is exactly what its policy keeps, and can be read";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    Map<Rule, Long> directories = new HashMap<>();
    for (Rule rule : RULES) {
      long directory = client.paths().mkdir("/" + rule.name());
      DataTree.set(
          client,
          directory,
          DirectoryInfoTag.SNAPSHOT,
          new SnapshotPolicy(rule.time(), rule.versions()));
      directories.put(rule, directory);
    }
    Map<Rule, Map<String, List<Version>>> past = new HashMap<>();
    Map<Rule, Map<String, Version>> current = new HashMap<>();
    try (GcProcesses gc = new GcProcesses(run.cluster())) {
      gc.start("collector-0", Jobs.COLLECT);
      gc.start("collector-1", Jobs.COLLECT);
      run.atOnce(
          RULES.size(),
          i -> {
            Rule rule = RULES.get(i);
            Map<String, List<Version>> ended = new HashMap<>();
            Map<String, Version> living = new HashMap<>();
            change(run, client, directories.get(rule), run.random(i), ended, living);
            synchronized (past) {
              past.put(rule, ended);
              current.put(rule, living);
            }
          });
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
      while (true) {
        String problem = null;
        for (Rule rule : RULES) {
          Set<Long> found = pastIds(client, directories.get(rule));
          Set<Long> kept = kept(rule, past.get(rule), current.get(rule));
          // Less than that will never come right again.
          Failure.unless(
              found.containsAll(kept), "/" + rule.name() + ": a version is gone that is to stay");
          problem = found.equals(kept) ? problem : "/" + rule.name() + " keeps too much";
        }
        if (problem == null) {
          break;
        }
        Failure.unless(System.nanoTime() < end, problem);
        Thread.sleep(POLL_MILLIS);
      }
      Thread.sleep(QUIET_MILLIS);
    }
    for (Rule rule : RULES) {
      check(run, client, rule, directories.get(rule), past.get(rule), current.get(rule));
      DataTree.set(
          client,
          directories.get(rule),
          DirectoryInfoTag.SNAPSHOT,
          new SnapshotPolicy(ACTIVE_TIME, ACTIVE_VERSIONS));
    }
  }

  private static void change(
      Run run,
      EggsClient client,
      long directory,
      SplittableRandom random,
      Map<String, List<Version>> ended,
      Map<String, Version> living)
      throws Exception {
    for (int i = 0; i < run.size(400, 40); i++) {
      String name = "n" + random.nextInt(run.size(30, 8));
      Version old = living.remove(name);
      if (old != null) {
        ended.computeIfAbsent(name, _ -> new ArrayList<>()).add(old);
      }
      if (old != null && random.nextInt(4) == 0) {
        client.inodes().unlink(directory, DataTree.bytes(name));
      } else {
        long seed = random.nextLong();
        int size = random.nextInt(3) == 0 ? random.nextInt(20_000) : random.nextInt(255);
        try (FileWriter writer = client.files().create(directory, DataTree.bytes(name))) {
          writer.write(ByteBuffer.wrap(Content.bytes(seed, size)));
          living.put(name, new Version(name, writer.commit(), seed, size));
        }
      }
      run.count("operations", 1);
    }
  }

  /** The newest ones of each name, as many as stay, and what is current. */
  private static Set<Long> kept(
      Rule rule, Map<String, List<Version>> past, Map<String, Version> current) {
    Set<Long> kept = new HashSet<>();
    current.values().forEach(version -> kept.add(version.id()));
    for (List<Version> versions : past.values()) {
      int from = Math.max(0, versions.size() - rule.keptVersions());
      versions.subList(from, versions.size()).forEach(version -> kept.add(version.id()));
    }
    return kept;
  }

  /** All files that a directory leads to, now and in the past. */
  private static Set<Long> pastIds(EggsClient client, long directory) throws Exception {
    Set<Long> ids = new HashSet<>();
    for (Edge edge : History.read(client, directory).edges()) {
      long id = InodeIds.withoutExtra(edge.targetId());
      if (id != InodeIds.NULL) {
        ids.add(id);
      }
    }
    return ids;
  }

  private static void check(
      Run run,
      EggsClient client,
      Rule rule,
      long directory,
      Map<String, List<Version>> past,
      Map<String, Version> current)
      throws Exception {
    Set<Long> kept = kept(rule, past, current);
    Failure.unlessEqual(kept, pastIds(client, directory), "the past of /" + rule.name());
    List<Version> all = new ArrayList<>(current.values());
    past.values().forEach(all::addAll);
    for (Version version : all) {
      if (kept.contains(version.id())) {
        Content.check(client, version.id(), version.seed(), version.size(), version.name());
        run.count("versions kept", 1);
      } else {
        run.count("versions given up", 1);
      }
    }
  }
}
