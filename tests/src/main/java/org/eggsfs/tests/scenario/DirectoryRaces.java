package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.tests.check.History;
import org.eggsfs.tests.cluster.ClusterConfig;

/**
 * Goal: the tree stays a tree. Method: clients move the same directories into each other, and
 * remove directories while others create in them; afterwards each directory that was made and not
 * removed is found exactly once below the root, and so is each file that was linked.
 */
final class DirectoryRaces extends DisturbedScenario {
  private static final int CLIENTS = 6;
  private static final int DIRECTORIES = 8;

  /** What a race may answer; everything else is a defect. */
  private static final Set<ErrorCode> EXPECTED =
      Set.of(
          ErrorCode.NAME_NOT_FOUND,
          ErrorCode.EDGE_NOT_FOUND,
          ErrorCode.LOOP_IN_DIRECTORY_RENAME,
          ErrorCode.NAME_IS_LOCKED,
          ErrorCode.EDGE_IS_LOCKED,
          ErrorCode.DIRECTORY_NOT_EMPTY,
          ErrorCode.DIRECTORY_NOT_FOUND,
          ErrorCode.CANNOT_OVERRIDE_NAME,
          ErrorCode.MISMATCHING_CREATION_TIME,
          ErrorCode.MISMATCHING_TARGET,
          ErrorCode.MORE_RECENT_CURRENT_EDGE,
          ErrorCode.MORE_RECENT_SNAPSHOT_EDGE,
          ErrorCode.NEW_DIRECTORY_NOT_FOUND,
          ErrorCode.OLD_DIRECTORY_NOT_FOUND);

  DirectoryRaces(
      String name, ClusterConfig cluster, Disturbance disturbance, boolean inShortSuite) {
    super(name, cluster, disturbance, inShortSuite);
  }

  @Override
  public String oracle() {
    return "each directory and file once below the root, no loop, no orphan";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient first = run.connect();
    long[] directories = new long[DIRECTORIES];
    for (int i = 0; i < DIRECTORIES; i++) {
      directories[i] = first.paths().mkdir("/" + i);
    }
    long shaky = first.paths().mkdir("/shaky");
    AtomicLong moved = new AtomicLong();
    Set<Long> files = ConcurrentHashMap.newKeySet();
    Set<Long> removed = ConcurrentHashMap.newKeySet();
    int steps = run.size(1_500, 80);
    disturbance.during(
        run,
        () ->
            run.atOnce(
                CLIENTS,
                actor -> {
                  EggsClient client = run.connect();
                  SplittableRandom random = run.random(actor);
                  for (int i = 0; i < steps; i++) {
                    if (actor < CLIENTS / 2) {
                      moved.addAndGet(move(client, directories, random) ? 1 : 0);
                    } else {
                      removeAndCreate(client, shaky, random, files, removed);
                    }
                    run.count("operations", 1);
                  }
                }));
    run.count("moves", moved.get());
    Failure.unless(moved.get() > 0, "no directory was moved");
    files.removeAll(removed);
    checkTree(run.connectDirectly(), directories, files);
    run.count("files", files.size());
  }

  /** Moves a directory into another one; the owner must be asked where it is now. */
  private static boolean move(EggsClient client, long[] directories, SplittableRandom random)
      throws EggsException, IOException {
    int what = random.nextInt(DIRECTORIES);
    int to = random.nextInt(DIRECTORIES + 1);
    long target = to == DIRECTORIES ? InodeIds.ROOT : directories[to];
    byte[] name = Integer.toString(what).getBytes(StandardCharsets.US_ASCII);
    try {
      long owner = client.inodes().stat(directories[what]).owner();
      if (owner == target) {
        return false;
      }
      client.inodes().rename(owner, name, target, name);
      return true;
    } catch (EggsException e) {
      expect(e);
      return false;
    }
  }

  private static void removeAndCreate(
      EggsClient client, long shaky, SplittableRandom random, Set<Long> files, Set<Long> removed)
      throws EggsException, IOException {
    byte[] name = ("d" + random.nextInt(3)).getBytes(StandardCharsets.US_ASCII);
    try {
      switch (random.nextInt(4)) {
        case 0 -> client.inodes().mkdir(shaky, name);
        case 1 -> client.inodes().rmdir(shaky, name);
        case 2 -> {
          long directory = client.inodes().lookup(shaky, name);
          byte[] own = Long.toHexString(random.nextLong()).getBytes(StandardCharsets.US_ASCII);
          try (FileWriter writer = client.files().create(directory, own)) {
            files.add(writer.commit());
          }
        }
        default -> {
          long directory = client.inodes().lookup(shaky, name);
          List<CurrentEdge> entries = new ArrayList<>();
          client.inodes().list(directory, entries::add);
          for (CurrentEdge entry : entries) {
            try {
              client.inodes().unlink(directory, entry.name());
            } catch (EggsException e) {
              expect(e);
              continue;
            }
            removed.add(entry.targetId());
          }
        }
      }
    } catch (EggsException e) {
      expect(e);
    }
  }

  private static void expect(EggsException e) throws EggsException {
    if (!EXPECTED.contains(e.code())) {
      throw e;
    }
  }

  private static void checkTree(EggsClient client, long[] directories, Set<Long> files)
      throws Exception {
    Map<Long, String> found = new HashMap<>();
    walk(client, InodeIds.ROOT, "", found);
    for (long directory : directories) {
      Failure.unless(
          found.containsKey(directory),
          "directory " + InodeIds.format(directory) + " is not below the root");
    }
    Set<Long> foundFiles = new HashSet<>();
    found.keySet().stream().filter(id -> !InodeIds.isDirectory(id)).forEach(foundFiles::add);
    Set<Long> lost = new HashSet<>(files);
    lost.removeAll(foundFiles);
    Failure.unless(
        lost.isEmpty(),
        lost.size()
            + " linked files are not below the root, e.g. "
            + lost.stream().limit(3).map(InodeIds::format).toList());
    foundFiles.removeAll(files);
    Failure.unless(foundFiles.isEmpty(), foundFiles.size() + " files that were removed are there");
  }

  private static void walk(EggsClient client, long directory, String path, Map<Long, String> found)
      throws Exception {
    Map<String, Long> entries = new HashMap<>();
    client.inodes().list(directory, e -> entries.put(History.text(e.name()), e.targetId()));
    for (Map.Entry<String, Long> entry : entries.entrySet()) {
      String at = path + "/" + entry.getKey();
      String other = found.put(entry.getValue(), at);
      Failure.unless(other == null, "the same inode is at " + other + " and at " + at);
      if (InodeIds.isDirectory(entry.getValue())) {
        walk(client, entry.getValue(), at, found);
      }
    }
  }
}
