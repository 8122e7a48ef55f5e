package org.eggsfs.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.StatFileRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Creates, stats, look-ups, directories and listings. */
@Command(
    name = "metadata",
    description = "Create, stat, lookup and mkdir with 1, 32 and 128 workers, and readdir.")
final class MetadataBench extends InstanceBench {
  private static final int DIRECTORIES = 64;
  private static final int[] WORKERS = {1, 32, 128};
  private static final int FILLERS = 32;
  private static final byte[] NO_NOTE = {};

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "How long each figure takes (default ${DEFAULT-VALUE}).")
  private double seconds = 4;

  @Option(
      names = "--entries",
      paramLabel = "N",
      description = "Entries of the directory that is listed (default ${DEFAULT-VALUE}).")
  private int entries = 10_000;

  private record File(long directory, byte[] name, long id) {}

  @Override
  void measure(EggsClient client, long root, Report report) throws EggsException, IOException {
    long[] directories = new long[DIRECTORIES];
    for (int i = 0; i < DIRECTORIES; i++) {
      directories[i] = client.inodes().mkdir(root, bytes("d" + i));
    }
    // Not measured: classes, connections and the compiler get warm.
    AtomicInteger warm = new AtomicInteger();
    Workers.forSeconds(
        "warm-up",
        32,
        Math.min(2, seconds),
        (worker, sequence) ->
            create(client, directories[worker], bytes("w" + warm.incrementAndGet())));

    List<File> files = Collections.synchronizedList(new ArrayList<>());
    for (int workers : WORKERS) {
      report.add(
          Workers.forSeconds(
              "create empty file",
              workers,
              seconds,
              (worker, sequence) -> {
                long directory = directories[(worker + sequence) % DIRECTORIES];
                byte[] name = bytes("f" + workers + "-" + worker + "-" + sequence);
                files.add(new File(directory, name, create(client, directory, name)));
              }));
    }
    File[] known = files.toArray(File[]::new);
    for (int workers : WORKERS) {
      report.add(
          Workers.forSeconds(
              "stat",
              workers,
              seconds,
              (worker, sequence) -> {
                File file = pick(known, worker, sequence);
                client.shard(InodeIds.shard(file.id()), new StatFileRequest(file.id()));
              }));
    }
    for (int workers : WORKERS) {
      report.add(
          Workers.forSeconds(
              "lookup",
              workers,
              seconds,
              (worker, sequence) -> {
                File file = pick(known, worker, sequence);
                client.shard(
                    InodeIds.shard(file.directory()),
                    new LookupRequest(file.directory(), file.name()));
              }));
    }
    for (int workers : new int[] {1, 32}) {
      long parent = client.inodes().mkdir(root, bytes("m" + workers));
      report.add(
          Workers.forSeconds(
              "mkdir in one parent",
              workers,
              seconds,
              (worker, sequence) ->
                  client.inodes().mkdir(parent, bytes("m" + worker + "-" + sequence))));
    }
    list(client, root, report);
  }

  private void list(EggsClient client, long root, Report report) throws EggsException, IOException {
    long directory = client.inodes().mkdir(root, bytes("list"));
    Workers.times(
        "fill",
        FILLERS,
        entries,
        (worker, sequence) -> create(client, directory, bytes("entry-" + sequence)));
    Workers.Operation listing =
        (worker, sequence) -> {
          AtomicInteger count = new AtomicInteger();
          client.inodes().list(directory, edge -> count.incrementAndGet());
          if (count.get() != entries) {
            throw new IOException("listed " + count.get() + " of " + entries + " entries");
          }
        };
    Workers.forSeconds("warm-up", 1, Math.min(1, seconds), listing);
    Figure figure = Workers.forSeconds("readdir", 1, seconds, listing);
    report.add(
        new Figure(
            "readdir of " + entries,
            1,
            figure.count() * entries,
            figure.seconds(),
            figure.rate() * entries,
            "entries/s",
            figure.p50Nanos(),
            figure.p99Nanos()));
  }

  private static long create(EggsClient client, long directory, byte[] name)
      throws EggsException, IOException {
    int shard = InodeIds.shard(directory);
    ConstructFileResponse file =
        client.shard(shard, new ConstructFileRequest(InodeType.FILE, NO_NOTE));
    client.shard(shard, new LinkFileRequest(file.id(), file.cookie(), directory, name));
    return file.id();
  }

  /** Spreads over all files without a random number generator on the path. */
  private static File pick(File[] files, int worker, int sequence) {
    long mixed = ((long) worker << 32 | sequence) * 0x9e37_79b9_7f4a_7c15L;
    return files[(int) Long.remainderUnsigned(mixed, files.length)];
  }
}
