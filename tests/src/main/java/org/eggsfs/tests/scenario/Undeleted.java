package org.eggsfs.tests.scenario;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.check.Shards;
import org.eggsfs.tests.cluster.Cluster;
import org.eggsfs.tests.cluster.GcProcesses;
import org.eggsfs.tests.cluster.GcProcesses.Jobs;

/**
 * Goal: a tree comes back as it was at a time, whatever happened to it since, and the collector
 * takes nothing that its policy keeps. Method: random changes of a tree that keeps its past, with
 * its content recorded at several times, beside a collector that takes at once what it may; then
 * the tree of each time is copied out and, in random order, brought back in place.
 */
final class Undeleted implements Scenario {
  private static final String[] NAMES = {"a", "b", "c", "d", "e"};
  private static final int DEPTH_MAX = 3;
  private static final long MOMENT_MILLIS = 5;

  /** What is at a path: the number and size of a content, or a directory. */
  private record Node(boolean isDirectory, long seed, int size) {
    static final Node DIRECTORY = new Node(true, 0, 0);
  }

  private record Moment(String time, TreeMap<String, Node> tree) {}

  @Override
  public String name() {
    return "undelete";
  }

  @Override
  public String oracle() {
    return "trees of all times, copied and brought back, byte for byte";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    long top = client.paths().mkdir("/past");
    DataTree.setPolicies(client, top);
    DataTree.set(client, top, DirectoryInfoTag.SNAPSHOT, new SnapshotPolicy(0, 0));
    Story story = new Story(run, client, run.random(0));
    try (GcProcesses gc = new GcProcesses(run.cluster())) {
      gc.start("collector", Jobs.COLLECT);
      List<Moment> moments = new ArrayList<>();
      int count = run.size(8, 2);
      int changes = run.size(300, 60);
      for (int i = 0; i < count; i++) {
        story.change(changes);
        Thread.sleep(MOMENT_MILLIS);
        moments.add(new Moment(Instant.now().toString(), new TreeMap<>(story.model)));
        Thread.sleep(MOMENT_MILLIS);
      }
      story.change(changes);
      if (run.random(1).nextBoolean()) {
        story.removeAll();
      }
      SplittableRandom random = run.random(2);
      for (int i = 0; i < count; i++) {
        Moment moment = moments.get(random.nextInt(count));
        String copy = "/copy" + i;
        ok(run, "resurrect", "-r", "/past", "--as-of", moment.time(), "--to", copy);
        story.compare(copy, moment.tree());
        ok(run, "resurrect", "-r", "/past", "--as-of", moment.time(), "--overwrite", "--exact");
        story.compare("/past", moment.tree());
        run.count("trees brought back", 2);
      }
    }
    letGo(client);
  }

  /** The past is not kept any longer; removed directories have the old policy as their own. */
  private static void letGo(EggsClient client) throws Exception {
    for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
      for (long directory : Shards.directories(client, shard)) {
        DataTree.set(
            client,
            directory,
            DirectoryInfoTag.SNAPSHOT,
            new SnapshotPolicy(Long.MIN_VALUE, 1 << 15));
      }
    }
  }

  private static void ok(Run run, String... command) throws Exception {
    Cluster.CliResult result = run.cluster().cli(command);
    Failure.unless(
        result.exitCode() == 0, String.join(" ", command) + ": " + result.errors().strip());
  }

  /** Changes and what they make. */
  private static final class Story {
    private final Run run;
    private final EggsClient client;
    private final SplittableRandom random;
    private final TreeMap<String, Node> model = new TreeMap<>();

    Story(Run run, EggsClient client, SplittableRandom random) {
      this.run = run;
      this.client = client;
      this.random = random;
    }

    void change(int count) throws Exception {
      for (int i = 0; i < count; i++) {
        change();
        run.count("operations", 1);
      }
    }

    private void change() throws Exception {
      List<String> directories = new ArrayList<>(List.of(""));
      model.forEach(
          (path, node) -> {
            if (node.isDirectory() && path.chars().filter(c -> c == '/').count() < DEPTH_MAX) {
              directories.add(path);
            }
          });
      String path =
          directories.get(random.nextInt(directories.size()))
              + "/"
              + NAMES[random.nextInt(NAMES.length)];
      Node there = model.get(path);
      String other =
          model.isEmpty()
              ? null
              : new ArrayList<>(model.keySet()).get(random.nextInt(model.size()));
      int choice = random.nextInt(10);
      if (choice < 5 || other == null) {
        if (there == null || !there.isDirectory()) {
          write(path);
        }
      } else if (choice < 7) {
        if (there == null) {
          client.paths().mkdir("/past" + path);
          // Removed directories without any past are the only thing that a collector takes at once.
          try (FileWriter writer = client.paths().create("/past" + path + "/short-lived")) {
            writer.commit();
          }
          client.paths().unlink("/past" + path + "/short-lived");
          model.put(path, Node.DIRECTORY);
        }
      } else if (choice < 9) {
        rename(other, path, there);
      } else {
        remove(other);
      }
    }

    private void write(String path) throws Exception {
      int choice = random.nextInt(8);
      int size =
          choice == 0 ? 0 : choice < 5 ? random.nextInt(1, 255) : random.nextInt(255, 150_000);
      Node node = new Node(false, random.nextLong(), size);
      try (FileWriter writer = client.paths().create("/past" + path)) {
        writer.write(ByteBuffer.wrap(Content.bytes(node.seed(), size)));
        writer.commit();
      }
      model.put(path, node);
    }

    private void rename(String from, String to, Node there) throws Exception {
      Node moved = model.get(from);
      if (from.equals(to)
          || (to + "/").startsWith(from + "/")
          || there != null && (there.isDirectory() || moved.isDirectory())) {
        return;
      }
      client.paths().rename("/past" + from, "/past" + to);
      TreeMap<String, Node> below = new TreeMap<>(model.subMap(from + "/", from + "0"));
      model.remove(from);
      model.put(to, moved);
      below.forEach(
          (path, node) -> {
            model.remove(path);
            model.put(to + path.substring(from.length()), node);
          });
    }

    private void remove(String path) throws Exception {
      for (String below : List.copyOf(model.subMap(path + "/", path + "0").keySet()).reversed()) {
        removeOne(below);
      }
      removeOne(path);
    }

    private void removeOne(String path) throws Exception {
      if (model.remove(path).isDirectory()) {
        client.paths().rmdir("/past" + path);
      } else {
        client.paths().unlink("/past" + path);
      }
    }

    void removeAll() throws Exception {
      while (!model.isEmpty()) {
        remove(model.firstKey());
      }
    }

    /** Fails unless a tree is what it was. */
    void compare(String root, TreeMap<String, Node> expected) throws Exception {
      TreeMap<String, Node> left = new TreeMap<>(expected);
      compare(root, client.paths().resolve(root).id(), "", left);
      Failure.unless(left.isEmpty(), root + " lacks " + left.keySet());
    }

    private void compare(String root, long directory, String path, Map<String, Node> left)
        throws Exception {
      List<CurrentEdge> edges = new ArrayList<>();
      client.inodes().list(directory, edges::add);
      for (CurrentEdge edge : edges) {
        String child = path + "/" + new String(edge.name(), StandardCharsets.US_ASCII);
        Node expected = left.remove(child);
        Failure.unless(expected != null, root + child + " should not be there");
        boolean isDirectory = InodeIds.isDirectory(edge.targetId());
        Failure.unlessEqual(expected.isDirectory(), isDirectory, "type of " + root + child);
        if (isDirectory) {
          compare(root, edge.targetId(), child, left);
        } else {
          long bytes =
              Content.check(
                  client, edge.targetId(), expected.seed(), expected.size(), root + child);
          run.count("bytes compared", bytes);
        }
      }
    }
  }
}
