package org.eggsfs.tests.scenario;

import java.util.List;
import java.util.SplittableRandom;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.span.ReadCounters;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.cluster.ClusterConfig;
import org.eggsfs.tests.faults.BlockDamage;

/**
 * Goal: a tree of files is what was written, also from damaged disks. Method: the tree is read
 * whole, then one to P blocks of each span of many files, data and parity, in all shards, are
 * damaged in every way we know, and the tree is read whole again, before anything is repaired.
 */
final class DirectFiles extends DisturbedScenario {
  private static final int READERS = 6;

  private final boolean damage;

  DirectFiles(
      String name,
      ClusterConfig cluster,
      Disturbance disturbance,
      boolean damage,
      boolean inShortSuite) {
    super(name, cluster, disturbance, inShortSuite);
    this.damage = damage;
  }

  @Override
  public String oracle() {
    return damage ? "every name and byte, from damaged disks too" : "every name and byte";
  }

  @Override
  public void run(Run run) throws Exception {
    DataTree tree = new DataTree(run, run.connect(), "/tree");
    EggsClient reader = run.connect();
    disturbance.during(
        run,
        () -> {
          tree.make(run.size(400, 20), run.size(4_000, 60), run.size(10 << 20, 2 << 20));
          tree.check(reader, READERS);
        });
    if (damage) {
      damageAndRead(run, tree);
    }
    tree.remove();
  }

  private static void damageAndRead(Run run, DataTree tree) throws Exception {
    EggsClient reader = run.connect();
    BlockDamage blocks = new BlockDamage(reader);
    SplittableRandom random = run.random(-1);
    List<DataTree.TreeFile> files = tree.files();
    int damaged = 0;
    for (DataTree.TreeFile file : files) {
      if (random.nextInt(3) == 0) {
        damaged += blocks.damage(file.id(), random);
      }
    }
    run.count("blocks damaged", damaged);
    blocks.done().forEach((kind, n) -> run.count("by " + kind.name().toLowerCase(), n));
    Failure.unless(damaged > 0, "nothing was damaged");
    run.share(
        READERS,
        files.size(),
        i -> {
          DataTree.TreeFile file = files.get(i);
          Content.check(reader, file.id(), file.seed(), file.size(), file.name());
          run.count("bytes read", file.size());
        });
    ReadCounters counters = reader.readCounters();
    Failure.unless(counters.recoveries() > 0, "nothing had to be reconstructed");
    run.count("reconstructions", counters.recoveries());
  }
}
