package org.eggsfs.tests.scenario;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.check.DiskAudit;
import org.eggsfs.tests.cluster.ClusterConfig;
import org.eggsfs.tests.cluster.Disks;
import org.eggsfs.tests.cluster.GcProcesses;
import org.eggsfs.tests.cluster.GcProcesses.Jobs;

/**
 * Goal: disks that were given up are emptied, with no more work than needed. Method: four disks of
 * four servers are given up at once, in a cluster with exactly as many failure domains as a span
 * has blocks, while files are read and others are half written, to be committed later; two
 * migrators share the work, and a scrub runs beside them. At the end no file has a block on those
 * disks, each span is in distinct failure domains, and what was moved is what was there.
 */
final class RetireDisks implements Scenario {
  private static final ClusterConfig CLUSTER =
      ClusterConfig.ONE_PROCESS
          .withBlockServers(14)
          .withServices(2)
          .withTransientDeadline(Jobs.TRANSIENT_DEADLINE);
  private static final int RETIRED = 4;
  private static final int HALF_WRITTEN = 6;
  private static final int HALF_BYTES = 2_500_000;
  private static final int READERS = 4;
  private static final long SECONDS_MAX = 600;
  private static final long POLL_MILLIS = 500;

  private static final Pattern MOVED = Pattern.compile("\"migrated_bytes\": (\\d+)");

  @Override
  public String name() {
    return "retire disks";
  }

  @Override
  public String oracle() {
    return "disks end without files, spans in distinct domains, moved what was there";
  }

  @Override
  public ClusterConfig cluster() {
    return CLUSTER;
  }

  @Override
  public boolean isInShortSuite() {
    return false;
  }

  @Override
  public boolean usesUpCluster() {
    return true;
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    DataTree tree = new DataTree(run, client, "/retired");
    tree.make(run.size(100, 5), run.size(1_000, 40), run.size(4 << 20, 1 << 20));
    SplittableRandom random = run.random(-1);
    long directory = client.paths().mkdir("/half");
    DataTree.setPolicies(client, directory);
    long[] seeds = new long[HALF_WRITTEN];
    List<FileWriter> writers = new ArrayList<>();
    List<Disks.Disk> chosen = choose(client, random);
    RetiredDisks retired = new RetiredDisks(run, client);
    List<Path> statuses = new ArrayList<>();
    try (GcProcesses gc = new GcProcesses(run.cluster())) {
      for (int i = 0; i < 2; i++) {
        gc.start("migrate-" + i, Jobs.migrate(i, 2));
        statuses.add(run.cluster().root().resolve("gc/migrate-" + i + "/status.json"));
      }
      gc.start("scrub", Jobs.SCRUB);
      // Not earlier: what is half written lives for some seconds only.
      for (int i = 0; i < HALF_WRITTEN; i++) {
        seeds[i] = random.nextLong();
        writers.add(client.files().create(directory, DataTree.bytes("half" + i)));
        put(writers.get(i), seeds[i], 0);
      }
      for (Disks.Disk disk : chosen) {
        retired.giveUp(disk.id());
      }
      AtomicBoolean over = new AtomicBoolean();
      run.atOnce(
          2,
          actor -> {
            if (actor == 0) {
              EggsClient reader = run.connect();
              do {
                tree.check(reader, READERS);
              } while (!over.get());
              return;
            }
            try {
              for (int i = 0; i < HALF_WRITTEN; i++) {
                put(writers.get(i), seeds[i], HALF_BYTES);
                writers.get(i).commit();
                writers.get(i).close();
              }
              // Not before: on a slow machine it would take what is half written for given up.
              gc.start("collect", Jobs.COLLECT);
              awaitEmpty(retired);
            } finally {
              over.set(true);
            }
          });
    }
    for (int i = 0; i < HALF_WRITTEN; i++) {
      long id = client.inodes().lookup(directory, DataTree.bytes("half" + i));
      Content.check(client, id, seeds[i], 2L * HALF_BYTES, "half" + i);
    }
    tree.check(client, READERS);
    run.count("block files", DiskAudit.check(client));
    long moved = 0;
    for (Path status : statuses) {
      moved += moved(Files.readString(status));
    }
    // Now, since nothing is erased there any more, and writers may have added some meanwhile.
    long bytes = 0;
    for (Disks.Disk disk : chosen) {
      bytes += bytesOn(disk.path());
    }
    run.count("bytes there", bytes);
    run.count("bytes moved", moved);
    Failure.unless(
        moved <= 1.1 * bytes, moved + " bytes were moved, and only " + bytes + " were there");
    tree.remove();
  }

  private static void put(FileWriter writer, long seed, int from) throws Exception {
    ByteBuffer half = ByteBuffer.allocate(HALF_BYTES);
    Content.fill(seed, from, half);
    writer.write(half.flip());
  }

  /** Disks of distinct failure domains; each domain keeps one of the class. */
  private static List<Disks.Disk> choose(EggsClient client, SplittableRandom random)
      throws Exception {
    List<Disks.Disk> all = new ArrayList<>(Disks.all(client).values());
    Collections.shuffle(all, new Random(random.nextLong()));
    List<Disks.Disk> chosen = new ArrayList<>();
    Set<FailureDomain> domains = new HashSet<>();
    for (Disks.Disk disk : all) {
      if (chosen.size() < RETIRED && domains.add(disk.domain())) {
        chosen.add(disk);
      }
    }
    return chosen;
  }

  private static long bytesOn(Path disk) throws Exception {
    long bytes = 0;
    for (Path file : DiskAudit.blockFiles(disk)) {
      bytes += Files.size(file);
    }
    return bytes;
  }

  /** Twice: a file that is being written when a disk is given up may be linked later. */
  private static void awaitEmpty(RetiredDisks retired) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
    while (retired.emptyingOfAll() > 0) {
      Failure.unless(System.nanoTime() < end, "disks that were given up are not emptied");
      Thread.sleep(POLL_MILLIS);
    }
  }

  private static long moved(String status) throws Failure {
    Matcher matcher = MOVED.matcher(status);
    Failure.unless(matcher.find(), "no count of moved bytes in " + status);
    return Long.parseLong(matcher.group(1));
  }
}
