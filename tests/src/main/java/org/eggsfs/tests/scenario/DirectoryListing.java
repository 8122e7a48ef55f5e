package org.eggsfs.tests.scenario;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.NameHash;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.tests.check.History;

/**
 * Goal: a listing may begin anywhere and be cut into pages of any size, and is then exactly the
 * rest. Method: a directory of all types of entries, some with names of 255 bytes; pages of both
 * packet sizes from known and random places.
 */
final class DirectoryListing implements Scenario {
  private static final int SEEKS = 100;
  private static final int LONG_NAMES = 50;
  private static final int WORKERS = 16;

  @Override
  public String name() {
    return "directory listing";
  }

  @Override
  public String oracle() {
    return "the rest from any place on, in order, for both packet sizes";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    long directory = client.paths().mkdir("/listed");
    int entries = run.size(10_000, 1_000);
    Map<String, Long> expected = new HashMap<>();
    run.share(
        WORKERS,
        entries,
        i -> {
          byte[] name = name(i);
          long id = make(client, directory, name, i);
          synchronized (expected) {
            expected.put(History.text(name), id);
          }
          run.count("operations", 1);
        });
    EggsClient large = run.connect(ProtocolConstants.MAX_UDP_MTU);
    EggsClient small = run.connect(ProtocolConstants.DEFAULT_UDP_MTU);
    List<CurrentEdge> all = list(large, directory, 0, ProtocolConstants.MAX_UDP_MTU);
    Failure.unlessEqual(entries, all.size(), "entries");
    long before = -1;
    for (CurrentEdge edge : all) {
      Failure.unlessEqual(NameHash.hash(edge.name()), edge.nameHash(), "hash of a name");
      Failure.unless(
          Long.compareUnsigned(edge.nameHash(), before) > 0 || before == -1,
          "a listing is not in the order of hashes");
      before = edge.nameHash();
      Failure.unlessEqual(
          expected.get(History.text(edge.name())), edge.targetId(), "target of a name");
    }
    SplittableRandom random = run.random(0);
    for (int i = 0; i < SEEKS; i++) {
      checkRest(large, small, directory, all, all.get(random.nextInt(all.size())).nameHash());
      checkRest(large, small, directory, all, random.nextLong() & Long.MAX_VALUE);
    }
    checkRest(large, small, directory, all, Long.MAX_VALUE);
    run.count("seeks", 2L * SEEKS + 1);
  }

  private static byte[] name(int i) {
    String text = i < LONG_NAMES ? "x".repeat(250) + i : "entry-" + i;
    return (i < LONG_NAMES ? text.concat("y".repeat(255 - text.length())) : text)
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private static long make(EggsClient client, long directory, byte[] name, int i) throws Exception {
    if (i % 10 == 0) {
      return client.inodes().mkdir(directory, name);
    }
    if (i % 3 == 0) {
      return client.files().symlink(directory, name, name);
    }
    try (FileWriter writer = client.files().create(directory, name)) {
      return writer.commit();
    }
  }

  private static void checkRest(
      EggsClient large, EggsClient small, long directory, List<CurrentEdge> all, long from)
      throws Exception {
    List<CurrentEdge> expected =
        all.stream().filter(e -> Long.compareUnsigned(e.nameHash(), from) >= 0).toList();
    Failure.unlessEqual(
        expected,
        list(large, directory, from, ProtocolConstants.MAX_UDP_MTU),
        "listing from hash " + from);
    Failure.unlessEqual(
        expected,
        list(small, directory, from, ProtocolConstants.DEFAULT_UDP_MTU),
        "listing in small packets from hash " + from);
  }

  private static List<CurrentEdge> list(EggsClient client, long directory, long from, int mtu)
      throws Exception {
    List<CurrentEdge> edges = new ArrayList<>();
    long hash = from;
    do {
      ReadDirResponse page =
          client.shard(InodeIds.shard(directory), new ReadDirRequest(directory, hash, mtu));
      Failure.unless(
          page.encodedSize() + Frames.UDP_HEADER_SIZE <= mtu, "a page is larger than its packet");
      edges.addAll(page.results());
      hash = page.nextHash();
    } while (hash != 0);
    return edges;
  }
}
