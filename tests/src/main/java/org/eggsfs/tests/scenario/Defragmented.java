package org.eggsfs.tests.scenario;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.struct.BlockPolicy;
import org.eggsfs.protocol.struct.BlockPolicyEntry;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import org.eggsfs.protocol.struct.SpanPolicy;
import org.eggsfs.protocol.struct.SpanPolicyEntry;
import org.eggsfs.tests.check.DiskAudit;
import org.eggsfs.tests.cluster.GcProcesses;
import org.eggsfs.tests.cluster.GcProcesses.Jobs;
import org.eggsfs.tests.cluster.RoleProcess;

/**
 * Goal: files get the spans and the layout that their directory asks for now. Method: a tree of
 * many layouts whose policies then ask for one size of spans, one parity and one storage class; a
 * collector rewrites it, is killed once, and goes on while the tree is read. Afterwards each span
 * is as asked, each byte as before.
 */
final class Defragmented implements Scenario {
  private static final int READERS = 6;

  /** Four data blocks and as many of parity, as in {@link SpanPolicyEntry}. */
  private static final int PARITY = 0x44;

  /** Below that of {@link DataTree}, so that files of one span have to be cut, too. */
  private static final long SPAN_BYTES_MAX = 384 << 10;

  private static final long SECONDS_MAX = 600;
  private static final long POLL_MILLIS = 500;

  private static final List<String> DEFRAG =
      List.of(
          "--defrag",
          "--defrag-span-sizes",
          "--defrag-cycle-min",
          "1s",
          "--defrag-bytes-per-second",
          "0");

  @Override
  public String name() {
    return "defrag";
  }

  @Override
  public String oracle() {
    return "every span as large and laid out as the policy says, every byte as before";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    DataTree tree = new DataTree(run, client, "/defrag");
    tree.make(run.size(50, 5), run.size(500, 30), run.size(4 << 20, 1 << 20));
    DataTree.set(
        client,
        tree.top(),
        DirectoryInfoTag.SPAN,
        new SpanPolicy(List.of(new SpanPolicyEntry(SPAN_BYTES_MAX, PARITY))));
    DataTree.set(
        client,
        tree.top(),
        DirectoryInfoTag.BLOCK,
        new BlockPolicy(List.of(new BlockPolicyEntry(StorageClass.HDD, 0))));
    int before = different(client, tree);
    Failure.unless(before > 0, "all spans are as the new policy says already");
    run.count("spans rewritten", before);
    tree.allowCopies();
    try (GcProcesses gc = new GcProcesses(run.cluster())) {
      RoleProcess defrag = gc.start("defrag", DEFRAG, Jobs.COLLECT);
      Thread.sleep(run.random(-1).nextInt(run.size(5_000, 1_000)));
      defrag.kill();
      defrag.start();
      defrag.awaitReady();
      EggsClient reader = run.connect();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
      int left;
      do {
        tree.check(reader, READERS);
        left = different(client, tree);
        Failure.unless(
            left == 0 || System.nanoTime() < end, left + " spans are not as the policy says");
        Thread.sleep(POLL_MILLIS);
      } while (left > 0);
    }
    tree.check(run.connect(), READERS);
    run.count("block files", DiskAudit.check(client));
    tree.remove();
  }

  /** How many spans do not have the size or the layout that the policy asks for. */
  private static int different(EggsClient client, DataTree tree) throws Exception {
    int count = 0;
    List<DataTree.TreeFile> files = tree.files();
    for (int i = 0; i < files.size(); i++) {
      try {
        count += different(client, files.get(i));
      } catch (EggsException e) {
        // Its copy is looked at when the tree has been checked once more.
        Failure.unless(tree.copyOf(client, i).id() != files.get(i).id(), "file " + i + ": " + e);
        count++;
      }
    }
    return count;
  }

  private static int different(EggsClient client, DataTree.TreeFile file) throws Exception {
    int count = 0;
    long offset = 0;
    do {
      FileSpansResponse page =
          client.shard(InodeIds.shard(file.id()), new FileSpansRequest(file.id(), offset, 0, 0));
      for (FetchedFullSpan span : page.spans()) {
        if (span.body() instanceof FetchedLocations locations) {
          for (FetchedBlockServices one : locations.locations()) {
            count += one.parity() == PARITY && one.storageClass() == StorageClass.HDD ? 0 : 1;
          }
        }
        long end = span.header().byteOffset() + span.header().size();
        long wanted = Math.min(SPAN_BYTES_MAX, file.size() - span.header().byteOffset());
        count += span.header().size() == wanted && end <= file.size() ? 0 : 1;
      }
      offset = page.nextOffset();
    } while (offset != 0);
    return count;
  }
}
