package org.eggsfs.tests.scenario;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.tests.check.DiskAudit;
import org.eggsfs.tests.cluster.GcProcesses;
import org.eggsfs.tests.cluster.GcProcesses.Jobs;
import org.eggsfs.tests.cluster.RoleProcess;
import org.eggsfs.tests.faults.BlockDamage;

/**
 * Goal: a scrub repairs exactly what is damaged. Method: up to P blocks of each span of most files
 * are damaged, everything is read, then a collector scrubs, is killed in the middle and goes on;
 * afterwards exactly the damaged blocks have been replaced by others, every block is on its disk,
 * and everything is read again.
 */
final class Scrubbed implements Scenario {
  private static final int READERS = 6;
  private static final int ALL_PARITY = 4;
  private static final long SECONDS_MAX = 600;
  private static final long POLL_MILLIS = 300;

  @Override
  public String name() {
    return "scrub";
  }

  @Override
  public String oracle() {
    return "right bytes before, exactly the damaged blocks replaced, all whole after";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    DataTree tree = new DataTree(run, client, "/scrubbed");
    tree.make(run.size(100, 5), run.size(1_000, 40), run.size(4 << 20, 1 << 20));
    BlockDamage damage = new BlockDamage(client);
    SplittableRandom random = run.random(-1);
    Map<Long, Set<Long>> before = new HashMap<>();
    Map<Long, Set<Long>> damaged = new HashMap<>();
    for (DataTree.TreeFile file : tree.files()) {
      before.put(file.id(), blocks(damage, file.id()));
      if (random.nextInt(4) > 0) {
        List<Long> hit = damage.damageAtWork(file.id(), ALL_PARITY, random);
        damaged.put(file.id(), new HashSet<>(hit));
        run.count("blocks damaged", hit.size());
      }
    }
    damage.done().forEach((kind, n) -> run.count("by " + kind.name().toLowerCase(), n));
    tree.check(client, READERS);
    try (GcProcesses gc = new GcProcesses(run.cluster())) {
      RoleProcess scrubber = gc.start("scrub", Jobs.SCRUB, Jobs.COLLECT);
      Thread.sleep(random.nextInt(run.size(3_000, 1_000)));
      scrubber.kill();
      scrubber.start();
      scrubber.awaitReady();
      awaitRepaired(damage, damaged);
    }
    for (DataTree.TreeFile file : tree.files()) {
      Set<Long> replaced = new HashSet<>(before.get(file.id()));
      replaced.removeAll(blocks(damage, file.id()));
      Failure.unlessEqual(
          damaged.getOrDefault(file.id(), Set.of()),
          replaced,
          "replaced blocks of " + InodeIds.format(file.id()));
    }
    run.count("block files", DiskAudit.check(client));
    tree.check(run.connect(), READERS);
    tree.remove();
  }

  private static Set<Long> blocks(BlockDamage damage, long file) throws Exception {
    Set<Long> blocks = new HashSet<>();
    damage.spans(file).forEach(span -> blocks.addAll(span.blocks()));
    return blocks;
  }

  private static void awaitRepaired(BlockDamage damage, Map<Long, Set<Long>> damaged)
      throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
    Set<Long> left = new HashSet<>(damaged.keySet());
    while (true) {
      for (long file : List.copyOf(left)) {
        Set<Long> now = blocks(damage, file);
        now.retainAll(damaged.get(file));
        if (now.isEmpty()) {
          left.remove(file);
        }
      }
      if (left.isEmpty()) {
        return;
      }
      Failure.unless(System.nanoTime() < end, left.size() + " files are not repaired");
      Thread.sleep(POLL_MILLIS);
    }
  }
}
