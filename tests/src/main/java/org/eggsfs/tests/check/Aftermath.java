package org.eggsfs.tests.check;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Cursors;
import org.eggsfs.gc.OneShot;
import org.eggsfs.gc.ShardPass;
import org.eggsfs.gc.ShardWork;
import org.eggsfs.gc.collect.CollectConfig;
import org.eggsfs.gc.collect.CollectCounters;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.gc.destruct.DestructCounters;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.TransientFile;
import org.eggsfs.tests.cluster.Disks;
import org.eggsfs.tests.scenario.Failure;

/**
 * What is done and checked after each scenario, when nothing else runs any more: all metadata must
 * be sound; then everything is removed and collected with minimum ages of zero, and afterwards no
 * directory, no file and no edge may be left in any shard, and no block file on any disk.
 */
public final class Aftermath {
  private static final Duration EMPTY_MAX = Duration.ofMinutes(2);

  /** At least beyond the time that unfinished files live. */
  private static final Duration BEYOND_DEADLINE = Duration.ofMinutes(1);

  private static final long PAUSE_MILLIS = 500;
  private static final int WORKERS = 16;

  /** Nothing else runs, and a million files may be those of one directory and one shard. */
  private static final CollectConfig COLLECT = new CollectConfig(0, 128, new ShardWork(10, 0, 0));

  private static final DestructConfig DESTRUCT = new DestructConfig(0, 16, new ShardWork(48, 0, 0));
  private static final BitSet ALL_SHARDS = new BitSet();

  static {
    ALL_SHARDS.set(0, ProtocolConstants.SHARD_COUNT);
  }

  private final EggsClient client;

  private Aftermath(EggsClient client) {
    this.client = client;
  }

  /**
   * Checks all metadata, empties the cluster, and checks that nothing is left.
   *
   * @return what was found, for the report's line
   */
  public static String check(org.eggsfs.tests.cluster.Cluster cluster) throws Exception {
    fsck(cluster);
    try (EggsClient client = cluster.connectDirectly()) {
      Duration deadlines = cluster.config().transientDeadline().plus(BEYOND_DEADLINE);
      new Aftermath(client).empty(deadlines.compareTo(EMPTY_MAX) > 0 ? deadlines : EMPTY_MAX);
    }
    return "fsck clean; metadata and disks empty after gc";
  }

  private static void fsck(org.eggsfs.tests.cluster.Cluster cluster)
      throws IOException, InterruptedException, Failure {
    org.eggsfs.tests.cluster.Cluster.CliResult result = cluster.cli("fsck", "--max-problems", "5");
    Failure.unless(
        result.exitCode() == 0,
        "fsck: " + (result.output() + result.errors()).strip().replace('\n', '|'));
  }

  private void empty(Duration patience) throws Exception {
    removeBelow(InodeIds.ROOT);
    collect();
    // From now on only what has to wait for a deadline or an age should be left.
    long end = System.nanoTime() + patience.toNanos();
    while (true) {
      String left = leftInMetadata();
      if (left == null) {
        left = leftOnDisks();
      }
      if (left == null) {
        break;
      }
      Failure.unless(System.nanoTime() < end, "after gc there is still " + left);
      Thread.sleep(PAUSE_MILLIS);
      collect();
    }
  }

  private void removeBelow(long directory) throws Exception {
    List<CurrentEdge> entries = new ArrayList<>();
    client.inodes().list(directory, entries::add);
    Parallel.each(
        WORKERS,
        entries,
        entry -> {
          if (InodeIds.isDirectory(entry.targetId())) {
            removeBelow(entry.targetId());
            client.inodes().rmdir(directory, entry.name());
          } else {
            client.inodes().unlink(directory, entry.name());
          }
        });
  }

  private void collect() throws Exception {
    Cluster gc = Cluster.of(client);
    OneShot.collect(
        gc,
        COLLECT,
        new CollectCounters(),
        ALL_SHARDS,
        Cursors.inMemory(),
        ShardPass.FailureListener.NOBODY);
    scrapAll();
    OneShot.destruct(
        gc,
        DESTRUCT,
        new DestructCounters(),
        ALL_SHARDS,
        Cursors.inMemory(),
        ShardPass.FailureListener.NOBODY);
  }

  /**
   * Nobody writes any more, so no deadline has to be waited for, except by symbolic links. Removed
   * files are past theirs; of one directory there may be a million in a shard.
   */
  private void scrapAll() throws Exception {
    long nowNanos = System.currentTimeMillis() * 1_000_000;
    List<TransientFile> unfinished = new ArrayList<>();
    for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
      for (TransientFile file : Shards.transientFiles(client, shard)) {
        if (InodeIds.isFile(file.id()) && file.deadlineTime() > nowNanos) {
          unfinished.add(file);
        }
      }
    }
    Parallel.each(
        WORKERS,
        unfinished,
        file -> {
          try {
            client.shard(
                InodeIds.shard(file.id()), new ScrapTransientFileRequest(file.id(), file.cookie()));
          } catch (EggsException e) {
            if (e.code() != ErrorCode.FILE_NOT_FOUND) {
              throw e;
            }
          }
        });
  }

  private String leftInMetadata() throws Exception {
    for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
      VisitDirectoriesResponse directories = client.shard(shard, new VisitDirectoriesRequest(0, 0));
      for (long id : directories.ids()) {
        if (id != InodeIds.ROOT) {
          return "directory " + InodeIds.format(id);
        }
      }
      VisitFilesResponse files = client.shard(shard, new VisitFilesRequest(0, 0));
      if (files.ids().length > 0) {
        return "file " + InodeIds.format(files.ids()[0]);
      }
      List<TransientFile> transients = Shards.transientFiles(client, shard);
      if (!transients.isEmpty()) {
        return "transient file " + InodeIds.format(transients.getFirst().id());
      }
    }
    int edges = History.read(client, InodeIds.ROOT).edges().size();
    return edges == 0 ? null : edges + " edges in the root";
  }

  /** Disks that were given up are not asked to erase anything, so they do not count. */
  private String leftOnDisks() throws IOException, EggsException {
    List<Path> left = new ArrayList<>();
    for (Disks.Disk disk : Disks.all(client).values()) {
      if (!disk.isDecommissioned()) {
        left.addAll(DiskAudit.blockFiles(disk.path()));
      }
    }
    return left.isEmpty() ? null : left.size() + " block files on disks, e.g. " + left.getFirst();
  }
}
