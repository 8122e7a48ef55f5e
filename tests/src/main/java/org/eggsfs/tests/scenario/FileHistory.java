package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.tests.check.History;
import org.eggsfs.tests.cluster.ClusterConfig;

/**
 * Goal: names in one directory do what they were told, and the directory remembers each of its
 * states. Method: threads with a client each create, remove and rename files, each under a prefix
 * of its own and with a model of what must be there; listings at checkpoints must equal the model,
 * and at the end the directory as of each checkpoint's time, put together from its history, too.
 */
final class FileHistory extends DisturbedScenario {
  private static final int THREADS = 5;
  private static final int CHECKPOINT_STEPS = 100;

  private final int stepsFull;
  private final int stepsShort;

  /** What a thread's part of the directory was at a time. */
  private record Checkpoint(String prefix, long time, Map<String, Long> model) {}

  FileHistory(
      String name,
      ClusterConfig cluster,
      Disturbance disturbance,
      int stepsFull,
      int stepsShort,
      boolean inShortSuite) {
    super(name, cluster, disturbance, inShortSuite);
    this.stepsFull = stepsFull;
    this.stepsShort = stepsShort;
  }

  @Override
  public String oracle() {
    return "model = listing, history replayed as of each checkpoint";
  }

  @Override
  public void run(Run run) throws Exception {
    List<Checkpoint> checkpoints = new ArrayList<>();
    int steps = run.size(stepsFull, stepsShort);
    int target = Math.max(20, steps / 10);
    disturbance.during(
        run,
        () ->
            run.atOnce(
                THREADS,
                thread -> {
                  List<Checkpoint> own = new Walker(run, run.connect(), thread, target).walk(steps);
                  synchronized (checkpoints) {
                    checkpoints.addAll(own);
                  }
                }));
    History history = History.read(run.connectDirectly(), InodeIds.ROOT);
    for (Checkpoint checkpoint : checkpoints) {
      Map<String, Long> then = history.at(checkpoint.time(), checkpoint.prefix());
      if (!then.equals(checkpoint.model())) {
        throw new Failure(
            "the history of "
                + checkpoint.prefix()
                + " as of "
                + checkpoint.time()
                + ": "
                + difference(checkpoint.model(), then));
      }
    }
    run.count("checkpoints", checkpoints.size());
    run.count("edges", history.edges().size());
  }

  static String difference(Map<String, Long> expected, Map<String, Long> found) {
    List<String> parts = new ArrayList<>();
    expected.forEach(
        (name, id) -> {
          Long other = found.get(name);
          if (other == null) {
            parts.add(name + " is missing");
          } else if (!other.equals(id)) {
            parts.add(name + " leads to " + InodeIds.format(other) + " not " + InodeIds.format(id));
          }
        });
    found.forEach(
        (name, id) -> {
          if (!expected.containsKey(name)) {
            parts.add(name + " should not be there");
          }
        });
    return String.join(", ", parts.subList(0, Math.min(5, parts.size())));
  }

  /** One thread with its names and its model. */
  private static final class Walker {
    private final Run run;
    private final EggsClient client;
    private final SplittableRandom random;
    private final String prefix;
    private final int target;
    private final Map<String, Long> model = new TreeMap<>();
    private final List<String> names = new ArrayList<>();
    private final List<Checkpoint> checkpoints = new ArrayList<>();
    private int made;

    Walker(Run run, EggsClient client, int thread, int target) {
      this.run = run;
      this.client = client;
      this.random = run.random(thread);
      this.prefix = "thread" + thread + "-";
      this.target = target;
    }

    List<Checkpoint> walk(int steps) throws Exception {
      for (int step = 0; step < steps; step++) {
        step();
        run.count("operations", 1);
        if ((step + 1) % CHECKPOINT_STEPS == 0 || step + 1 == steps) {
          checkpoint();
        }
      }
      return checkpoints;
    }

    /** Few files: only new ones. Many: rather fewer. */
    private void step() throws IOException, EggsException {
      if (names.size() < target / 2) {
        create();
        return;
      }
      int more = names.size() < target ? 4 : 2;
      int choice = random.nextInt(more + 6);
      if (choice < more) {
        create();
      } else if (choice < more + 2) {
        remove();
      } else if (choice < more + 4) {
        renameToNew();
      } else {
        renameOver();
      }
    }

    private void create() throws IOException, EggsException {
      String fresh = prefix + made++;
      try (FileWriter writer = client.files().create(InodeIds.ROOT, bytes(fresh))) {
        model.put(fresh, writer.commit());
      }
      names.add(fresh);
    }

    private void remove() throws IOException, EggsException {
      String old = names.get(random.nextInt(names.size()));
      client.inodes().unlink(InodeIds.ROOT, bytes(old));
      names.remove(old);
      model.remove(old);
    }

    private void renameToNew() throws IOException, EggsException {
      rename(names.get(random.nextInt(names.size())), prefix + made++);
    }

    private void renameOver() throws IOException, EggsException {
      String from = names.get(random.nextInt(names.size()));
      String to = names.get(random.nextInt(names.size()));
      if (!from.equals(to)) {
        rename(from, to);
      }
    }

    private void rename(String from, String to) throws IOException, EggsException {
      client.inodes().rename(InodeIds.ROOT, bytes(from), InodeIds.ROOT, bytes(to));
      names.remove(from);
      if (model.put(to, model.remove(from)) == null) {
        names.add(to);
      }
    }

    private void checkpoint() throws Exception {
      Map<String, Long> listing = new TreeMap<>();
      client
          .inodes()
          .list(
              InodeIds.ROOT,
              edge -> {
                String text = History.text(edge.name());
                if (text.startsWith(prefix)) {
                  listing.put(text, edge.targetId());
                }
              });
      if (!listing.equals(model)) {
        throw new Failure("listing of " + prefix + ": " + difference(model, listing));
      }
      long time = client.inodes().stat(InodeIds.ROOT).mtime();
      checkpoints.add(new Checkpoint(prefix, time, new TreeMap<>(model)));
    }

    private static byte[] bytes(String name) {
      return name.getBytes(StandardCharsets.ISO_8859_1);
    }
  }
}
