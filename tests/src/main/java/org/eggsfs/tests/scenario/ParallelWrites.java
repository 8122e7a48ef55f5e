package org.eggsfs.tests.scenario;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.tests.check.History;

/**
 * Goal: one client serves very many callers, and readers of a directory see each file that was
 * there before they began. Method: as many tasks as files create empty files in the root, all at
 * once, while other threads list it again and again.
 */
final class ParallelWrites implements Scenario {
  private static final int READERS = 4;

  @Override
  public String name() {
    return "parallel write and readdir";
  }

  @Override
  public String oracle() {
    return "each listing holds all files acknowledged before it";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    int files = run.size(10_000, 1_000);
    Set<String> acknowledged = ConcurrentHashMap.newKeySet();
    Map<String, Long> ids = new ConcurrentHashMap<>();
    run.atOnce(
        files + READERS,
        actor -> {
          if (actor < READERS) {
            while (acknowledged.size() < files) {
              readBack(run, client, acknowledged);
            }
            return;
          }
          String name = "file" + actor;
          try (FileWriter writer =
              client.files().create(InodeIds.ROOT, name.getBytes(StandardCharsets.ISO_8859_1))) {
            ids.put(name, writer.commit());
          }
          acknowledged.add(name);
          run.count("operations", 1);
        });
    Map<String, Long> found = new ConcurrentHashMap<>();
    client.inodes().list(InodeIds.ROOT, e -> found.put(History.text(e.name()), e.targetId()));
    if (!found.equals(ids)) {
      throw new Failure("root: " + FileHistory.difference(ids, found));
    }
  }

  private static void readBack(Run run, EggsClient client, Set<String> acknowledged)
      throws Exception {
    Set<String> before = new HashSet<>(acknowledged);
    Set<String> seen = new HashSet<>();
    client
        .inodes()
        .list(
            InodeIds.ROOT,
            e -> {
              if (!seen.add(History.text(e.name()))) {
                before.add("a name that is listed twice: " + History.text(e.name()));
              }
            });
    before.removeAll(seen);
    Failure.unless(before.isEmpty(), "a listing lacks " + before.stream().limit(5).toList());
    run.count("listings", 1);
  }
}
