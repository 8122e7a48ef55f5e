package org.eggsfs.tests.scenario;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLongArray;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LinkFileResponse;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.tests.check.History;

/**
 * Goal: a directory may hold very many files, and a file system very many directories. Method: many
 * workers make them at the same time, in one directory; its pages must give each name exactly once,
 * in the order of hashes, with the right inode; names are looked up, also such that are not there;
 * then all are removed at the same time, and the directory is empty.
 */
final class ManyEntries implements Scenario {
  private static final int WORKERS = 96;

  /** One name in so many is as long as names may be. */
  private static final int LONG_NAMES = 1_000;

  private static final int NAME_BYTES_MAX = 255;

  private final String name;
  private final boolean directories;
  private final int full;
  private final int small;

  ManyEntries(String name, boolean directories, int full, int small) {
    this.name = name;
    this.directories = directories;
    this.full = full;
    this.small = small;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String oracle() {
    return "each entry once in the pages of the listing, found by name, and gone when removed";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect(ProtocolConstants.MAX_UDP_MTU);
    long directory = client.paths().mkdir("/many");
    int count = run.size(full, small);
    AtomicLongArray ids = new AtomicLongArray(count);
    AtomicLongArray times = new AtomicLongArray(count);
    long start = System.nanoTime();
    run.share(
        WORKERS,
        count,
        i -> {
          ids.set(i, make(client, directory, bytes(i)));
        });
    rate(run, "made per s", count, start);
    start = System.nanoTime();
    int pages = list(client, directory, ids, times);
    run.count("pages", pages);
    rate(run, "listed per s", count, start);
    int lookups = run.size(100_000, 2_000);
    start = System.nanoTime();
    run.share(
        WORKERS,
        lookups,
        n -> {
          SplittableRandom random = run.random(n);
          int i = random.nextInt(2 * count);
          Failure.unlessEqual(
              i < count ? ids.get(i) : InodeIds.NULL,
              lookUp(client, directory, bytes(i)),
              "inode of entry " + i);
        });
    rate(run, "looked up per s", lookups, start);
    start = System.nanoTime();
    run.share(
        WORKERS,
        count,
        i -> {
          if (directories) {
            client.inodes().rmdir(directory, bytes(i));
          } else {
            client.inodes().unlink(directory, bytes(i), ids.get(i), times.get(i));
          }
        });
    rate(run, "removed per s", count, start);
    run.count("operations", 2L * count + lookups);
    ReadDirResponse rest =
        client.shard(InodeIds.shard(directory), new ReadDirRequest(directory, 0, 0));
    Failure.unless(rest.results().isEmpty(), "entries are left that were removed");
  }

  private static void rate(Run run, String what, int count, long startNanos) {
    run.count(what, Math.round(count * 1e9 / (System.nanoTime() - startNanos)));
  }

  private long make(EggsClient client, long directory, byte[] bytes) throws Exception {
    if (directories) {
      return client.inodes().mkdir(directory, bytes);
    }
    int shard = InodeIds.shard(directory);
    ConstructFileResponse file =
        client.shard(shard, new ConstructFileRequest(InodeType.FILE, new byte[0]));
    LinkFileResponse linked =
        client.shard(shard, new LinkFileRequest(file.id(), file.cookie(), directory, bytes));
    Failure.unless(linked.creationTime() > 0, "an edge without a time");
    return file.id();
  }

  private static byte[] bytes(int i) {
    String text = Integer.toString(i);
    return (i % LONG_NAMES == 0 ? text + "-".repeat(NAME_BYTES_MAX - text.length()) : text)
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private static long lookUp(EggsClient client, long directory, byte[] bytes) throws Exception {
    try {
      return client.inodes().lookup(directory, bytes);
    } catch (EggsException e) {
      if (e.code() == ErrorCode.NAME_NOT_FOUND) {
        return InodeIds.NULL;
      }
      throw e;
    }
  }

  /** All pages, one after the other; notes when each entry was made. */
  private static int list(
      EggsClient client, long directory, AtomicLongArray ids, AtomicLongArray times)
      throws Exception {
    BitSet seen = new BitSet(ids.length());
    int pages = 0;
    long hash = 0;
    long before = -1;
    do {
      ReadDirResponse page =
          client.shard(
              InodeIds.shard(directory),
              new ReadDirRequest(directory, hash, ProtocolConstants.MAX_UDP_MTU));
      for (CurrentEdge edge : page.results()) {
        int i = Integer.parseInt(History.text(edge.name()).replace("-", ""));
        Failure.unless(!seen.get(i), "entry " + i + " is listed twice");
        seen.set(i);
        Failure.unlessEqual(ids.get(i), edge.targetId(), "inode of entry " + i);
        Failure.unless(
            before == -1 || Long.compareUnsigned(edge.nameHash(), before) >= 0,
            "a listing is not in the order of hashes");
        before = edge.nameHash();
        times.set(i, edge.creationTime());
      }
      hash = page.nextHash();
      pages++;
    } while (hash != 0);
    Failure.unlessEqual(ids.length(), seen.cardinality(), "entries in the listing");
    return pages;
  }
}
