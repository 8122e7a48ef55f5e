package org.eggsfs.tests.scenario;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.tests.check.DiskAudit;
import org.eggsfs.tests.cluster.ClusterConfig;
import org.eggsfs.tests.cluster.GcProcesses;
import org.eggsfs.tests.cluster.GcProcesses.Jobs;
import org.eggsfs.tests.cluster.RoleProcess;
import org.eggsfs.tests.faults.BlockDamage;

/**
 * Goal: data looks after itself while it is used, whatever happens to those who look after it.
 * Method: collection, destruction (twice), scrub and migration (two that share) in processes that
 * are killed at random and started again, while clients write, replace, move, remove and read
 * files, blocks are damaged on disks, and disks are given up. When the load ends, the jobs get
 * their time; then nothing acknowledged may be lost, no damaged block and no file on a lost disk be
 * left, and the disks hold exactly the blocks that files have.
 */
final class GcUnderLoad implements Scenario {
  private static final ClusterConfig CLUSTER =
      ClusterConfig.ONE_PROCESS
          .withBlockServers(14)
          .withServices(2)
          .withTransientDeadline(Jobs.TRANSIENT_DEADLINE);

  private static final int CHANGERS = 3;
  private static final int READERS = 2;
  private static final int CHECKERS = 6;

  /** Two of a span's blocks may be damaged and two on disks that are being emptied: parity is 4. */
  private static final int DAMAGED_PER_SPAN = 2;

  private static final int EMPTYING_MAX = 2;
  private static final long SETTLE_SECONDS_MAX = 600;
  private static final long POLL_MILLIS = 500;

  @Override
  public String name() {
    return "gc under load";
  }

  @Override
  public String oracle() {
    return "nothing acknowledged lost, all damage repaired, disks hold exactly what files have";
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
  public boolean goesOnForLong() {
    return true;
  }

  @Override
  public void run(Run run) throws Exception {
    Duration duration = run.duration(Duration.ofMinutes(30), Duration.ofSeconds(12));
    new Story(run, duration).tell();
  }

  /** One run. */
  private static final class Story {
    private final Run run;
    private final Duration duration;
    private final EggsClient client;
    private final LiveFiles files;
    private final RetiredDisks retired;
    private final BlockDamage damage;

    /** Files with damaged blocks: which blocks, of which nobody knows yet whether they are gone. */
    private final Map<Long, Set<Long>> damaged = new ConcurrentHashMap<>();

    private final AtomicInteger damagedBlocks = new AtomicInteger();
    private final AtomicInteger kills = new AtomicInteger();

    private volatile long endNanos;

    Story(Run run, Duration duration) throws Exception {
      this.run = run;
      this.duration = duration;
      this.client = run.connect();
      this.files = new LiveFiles(run, client, "/live", run.size(400, 80), 1_500_000);
      this.retired = new RetiredDisks(run, run.connectDirectly());
      this.damage = new BlockDamage(client);
    }

    void tell() throws Exception {
      try (GcProcesses gc = new GcProcesses(run.cluster())) {
        gc.start("gc-0", Jobs.COLLECT, Jobs.migrate(0, 2));
        gc.start("gc-1", Jobs.migrate(1, 2), Jobs.SCRUB);
        gc.start("gc-2", Jobs.COLLECT);
        endNanos = System.nanoTime() + duration.toNanos();
        run.atOnce(
            CHANGERS + READERS + 3,
            actor -> {
              SplittableRandom random = run.random(actor);
              switch (actor) {
                case 0 -> killCollectors(gc.all(), random);
                case 1 -> damageBlocks(random);
                case 2 -> giveUpDisks(random);
                default -> load(actor < 3 + CHANGERS, random);
              }
            });
        settle();
      }
      files.checkAll(client, CHECKERS);
      run.count("block files", DiskAudit.check(run.connectDirectly()));
      files.forgetThePast(client);
      damage.done().forEach((kind, n) -> run.count("by " + kind.name().toLowerCase(), n));
      run.count("blocks damaged", damagedBlocks.get());
      run.count("kills", kills.get());
      Failure.unless(
          damagedBlocks.get() > 0 && kills.get() > 0 && retired.count() > 0,
          "not every fault has happened");
    }

    /** A slow machine gets longer, until each fault has happened. */
    private boolean goesOn() {
      long late = System.nanoTime() - endNanos;
      return late < 0
          || late < TimeUnit.SECONDS.toNanos(SETTLE_SECONDS_MAX)
              && (damagedBlocks.get() == 0 || kills.get() == 0 || retired.count() == 0);
    }

    private void load(boolean changes, SplittableRandom random) throws Exception {
      EggsClient own = run.connect();
      while (goesOn()) {
        if (changes) {
          files.change(own, random);
        } else {
          files.read(own, random);
        }
        run.count("operations", 1);
        // The jobs are under test, not the load; two cores are for all of them.
        Thread.sleep(random.nextInt(run.size(60, 40)));
      }
    }

    private void killCollectors(List<RoleProcess> processes, SplittableRandom random)
        throws Exception {
      while (goesOn()) {
        Thread.sleep(random.nextInt(1_000, run.size(12_000, 4_000)));
        RoleProcess victim = processes.get(random.nextInt(processes.size()));
        victim.kill();
        kills.incrementAndGet();
        Thread.sleep(random.nextInt(1_000));
        victim.start();
        victim.awaitReady();
      }
    }

    private void damageBlocks(SplittableRandom random) throws Exception {
      while (goesOn()) {
        Thread.sleep(random.nextInt(run.size(2_000, 400)));
        files.look(
            random,
            (file, _) -> {
              if (!isDamaged(file.id())) {
                List<Long> blocks = damage.damageAtWork(file.id(), DAMAGED_PER_SPAN, random);
                if (!blocks.isEmpty()) {
                  damaged.put(file.id(), new HashSet<>(blocks));
                  damagedBlocks.addAndGet(blocks.size());
                }
              }
            });
      }
    }

    /** A damaged block that was repaired is not the file's any more. The file must exist. */
    private boolean isDamaged(long file) throws Exception {
      Set<Long> blocks = damaged.get(file);
      if (blocks == null) {
        return false;
      }
      for (BlockDamage.SpanBlocks span : damage.spans(file)) {
        if (span.blocks().stream().anyMatch(blocks::contains)) {
          return true;
        }
      }
      damaged.remove(file);
      return false;
    }

    private void giveUpDisks(SplittableRandom random) throws Exception {
      int most = run.size(20, 3);
      while (goesOn() && retired.count() < most) {
        retired.giveUpOne(random);
        Thread.sleep(run.size(20_000, 3_000));
        while (goesOn()
            && (retired.emptying() >= EMPTYING_MAX || retired.emptyingOfAll() >= EMPTYING_MAX)) {
          Thread.sleep(POLL_MILLIS);
        }
      }
    }

    /** The jobs go on until disks are empty and no damage is left. */
    private void settle() throws Exception {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SETTLE_SECONDS_MAX);
      while (true) {
        List<String> left = new ArrayList<>();
        // All of them: writers may have chosen a disk just before shards heard of its end.
        int emptying = retired.emptyingOfAll();
        if (emptying > 0) {
          left.add(emptying + " disks that were given up have files");
        }
        for (long file : List.copyOf(damaged.keySet())) {
          if (!files.hasFile(file)) {
            damaged.remove(file);
          } else if (isDamaged(file)) {
            left.add(InodeIds.format(file) + " is still damaged");
          }
        }
        if (left.isEmpty()) {
          return;
        }
        Failure.unless(
            System.nanoTime() < end,
            "the jobs come to no end: " + left.subList(0, Math.min(3, left.size())));
        Thread.sleep(POLL_MILLIS);
      }
    }
  }
}
