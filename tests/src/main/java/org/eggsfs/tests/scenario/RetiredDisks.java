package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.tests.check.Shards;
import org.eggsfs.tests.cluster.Disks;

/**
 * Disks that are given up one after another, as far as every failure domain keeps one of each
 * class. Given up and asked about by one thread, counted by any.
 */
final class RetiredDisks {
  private final Run run;
  private final EggsClient client;
  private final Set<Long> all = ConcurrentHashMap.newKeySet();
  private final Set<Long> emptying = new HashSet<>();

  RetiredDisks(Run run, EggsClient client) {
    this.run = run;
    this.client = client;
  }

  /** Gives up a random disk that is not the last of its class in its failure domain. */
  void giveUpOne(SplittableRandom random) throws IOException, EggsException {
    Collection<Disks.Disk> disks = Disks.all(client).values();
    List<Disks.Disk> candidates = new ArrayList<>();
    for (Disks.Disk disk : disks) {
      long others =
          disks.stream()
              .filter(other -> !other.isDecommissioned() && other.id() != disk.id())
              .filter(other -> other.domain().equals(disk.domain()))
              .filter(other -> other.storageClass() == disk.storageClass())
              .count();
      if (!disk.isDecommissioned() && others > 0) {
        candidates.add(disk);
      }
    }
    if (!candidates.isEmpty()) {
      giveUp(candidates.get(random.nextInt(candidates.size())).id());
    }
  }

  /** Gives up one disk. */
  void giveUp(long disk) throws IOException, EggsException {
    Disks.decommission(client, disk);
    all.add(disk);
    emptying.add(disk);
    run.count("disks given up", 1);
  }

  /** How many were given up. */
  int count() {
    return all.size();
  }

  /** How many of them still have blocks of files, named or not. */
  int emptying() throws IOException, EggsException {
    for (long disk : List.copyOf(emptying)) {
      if (!Shards.hasFiles(client, disk)) {
        emptying.remove(disk);
      }
    }
    return emptying.size();
  }

  /** Those that still have some when looked at once more, all of them. */
  int emptyingOfAll() throws IOException, EggsException {
    emptying.addAll(all);
    return emptying();
  }
}
