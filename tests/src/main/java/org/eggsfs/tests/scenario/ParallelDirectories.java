package org.eggsfs.tests.scenario;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.tests.check.History;
import org.eggsfs.tests.cluster.ClusterConfig;

/**
 * Goal: the CDC carries out what many callers want at the same time. Method: threads make
 * directories and files in a few directories and move their own entries, directories too, between
 * them; at the end each directory holds exactly what was put there last.
 */
final class ParallelDirectories extends DisturbedScenario {
  private static final int DIRECTORIES = 10;
  private static final int THREADS = 100;

  private record Place(int directory, String name, long id) {}

  ParallelDirectories(
      String name, ClusterConfig cluster, Disturbance disturbance, boolean inShortSuite) {
    super(name, cluster, disturbance, inShortSuite);
  }

  @Override
  public String oracle() {
    return "names and ids in all directories = model";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    long[] directories = new long[DIRECTORIES];
    for (int i = 0; i < DIRECTORIES; i++) {
      directories[i] = client.paths().mkdir("/" + i);
    }
    Map<Integer, List<Place>> places = new ConcurrentHashMap<>();
    int actions = run.size(100, 10);
    disturbance.during(
        run,
        () ->
            run.atOnce(
                THREADS,
                thread -> places.put(thread, act(run, client, directories, thread, actions))));
    List<Map<String, Long>> expected = new ArrayList<>();
    for (int i = 0; i < DIRECTORIES; i++) {
      expected.add(new TreeMap<>());
    }
    places
        .values()
        .forEach(own -> own.forEach(p -> expected.get(p.directory()).put(p.name(), p.id())));
    EggsClient oracle = run.connectDirectly();
    for (int i = 0; i < DIRECTORIES; i++) {
      Map<String, Long> found = new TreeMap<>();
      oracle.inodes().list(directories[i], e -> found.put(History.text(e.name()), e.targetId()));
      if (!found.equals(expected.get(i))) {
        throw new Failure(
            "directory /" + i + ": " + FileHistory.difference(expected.get(i), found));
      }
    }
  }

  private static List<Place> act(
      Run run, EggsClient client, long[] directories, int thread, int actions) throws Exception {
    SplittableRandom random = run.random(thread);
    List<Place> own = new ArrayList<>();
    for (int i = 0; i < actions; i++) {
      int directory = random.nextInt(DIRECTORIES);
      int choice = random.nextInt(100);
      String fresh = thread + "-" + i;
      if (choice < 70 || own.isEmpty() && choice >= 85) {
        own.add(
            new Place(
                directory, fresh, client.inodes().mkdir(directories[directory], bytes(fresh))));
      } else if (choice < 85) {
        try (FileWriter writer = client.files().create(directories[directory], bytes(fresh))) {
          own.add(new Place(directory, fresh, writer.commit()));
        }
      } else {
        Place old = own.remove(random.nextInt(own.size()));
        client
            .inodes()
            .rename(
                directories[old.directory()],
                bytes(old.name()),
                directories[directory],
                bytes(fresh));
        own.add(new Place(directory, fresh, old.id()));
      }
      run.count("operations", 1);
    }
    for (Place place : own) {
      if (InodeIds.isDirectory(place.id())) {
        Failure.unlessEqual(
            directories[place.directory()],
            client.inodes().stat(place.id()).owner(),
            "owner of a directory");
      }
    }
    return own;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
