package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.cluster.Cluster;
import org.eggsfs.tests.cluster.ClusterConfig;
import org.eggsfs.tests.cluster.Mount;
import org.eggsfs.tests.scenario.MountFiles.Data;

/**
 * Goal: whoever dies, users of a mount get right bytes or, from the death of the mount's own server
 * only, an error; nothing hangs; what {@code close} has acknowledged stays. Method: threads write,
 * replace, rename, remove and read files through a mount while its server, up to P block servers
 * and the servers of metadata are killed with SIGKILL, and the mount is mounted again over what was
 * left. At the end everything is read through a new mount. What got no answer may have happened or
 * not, but only as a whole.
 */
final class MountKills implements Scenario {
  private static final int WORKERS = 5;
  private static final int FILES_PER_WORKER = 40;
  private static final int SERVERS_LOST_MAX = 4;
  private static final int AWAY_MILLIS = 4_000;

  /** How long a call waits for servers before it gives up with an error (operations.md). */
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  @Override
  public String name() {
    return "mount kills";
  }

  @Override
  public String oracle() {
    return "no hang, no wrong byte, no error but from the mount's death, all closed files whole";
  }

  @Override
  public ClusterConfig cluster() {
    return ClusterConfig.PROCESSES;
  }

  @Override
  public String missing() {
    return Mount.unavailable();
  }

  @Override
  public void run(Run run) throws Exception {
    try (EggsClient client = run.cluster().connectDirectly()) {
      DataTree.setPolicies(client, client.paths().mkdir("/kills"));
    }
    List<Worker> workers = new ArrayList<>();
    try (Mount mount = new Mount(run.cluster(), "kills");
        HangWatch watch = new HangWatch(List.of(mount))) {
      Duration duration = run.duration(Duration.ofMinutes(3), Duration.ofSeconds(12));
      long end = System.nanoTime() + duration.toNanos();
      for (int i = 0; i < WORKERS; i++) {
        workers.add(new Worker(run, mount, watch, i));
      }
      Disturbance kills =
          Faults.repeated(
              "faults",
              2_000,
              Faults.oneOf(
                  (r, random) -> killMount(r, mount, random),
                  Faults.kill(Cluster.SHARDS, Cluster.CDC, Cluster.SHUCKLE),
                  Faults.kill(Cluster.SHARDS),
                  Faults.loseBlockServers(SERVERS_LOST_MAX, AWAY_MILLIS)));
      kills.during(
          run,
          () ->
              run.atOnceOnThreads(
                  WORKERS,
                  number -> {
                    while (System.nanoTime() < end) {
                      workers.get(number).step();
                      run.count("operations", 1);
                    }
                  }));
      // Once in any case, and nobody has asked for anything else since.
      killMount(run, mount, run.random(-1));
      for (Worker worker : workers) {
        worker.check(mount.root());
      }
      watch.check(run);
    }
  }

  private static void killMount(Run run, Mount mount, SplittableRandom random) throws Exception {
    mount.kill();
    Thread.sleep(random.nextInt(500));
    mount.restart();
    run.count("mounts killed", 1);
  }

  /** One user with a directory, who knows what is in it, or may be. */
  private static final class Worker {
    private final Run run;
    private final Mount mount;
    private final HangWatch watch;
    private final Path home;
    private final SplittableRandom random;

    /** What was acknowledged. */
    private final Map<String, Data> files = new TreeMap<>();

    /** Names of changes without an answer, and what they may hold; they are not used again. */
    private final Map<String, Set<Data>> unsure = new TreeMap<>();

    private int made;

    Worker(Run run, Mount mount, HangWatch watch, int number) throws IOException {
      this.run = run;
      this.mount = mount;
      this.watch = watch;
      this.random = run.random(number);
      this.home = mount.root().resolve("kills/worker" + number);
      Files.createDirectory(home);
    }

    /** A change or a look; the result of a look is judged. */
    private interface Step {
      void run() throws IOException, Failure;
    }

    void step() throws Exception {
      List<String> names = new ArrayList<>(files.keySet());
      String any = names.isEmpty() ? null : names.get(random.nextInt(names.size()));
      int choice = random.nextInt(10);
      if (any == null || choice < 3 && names.size() < FILES_PER_WORKER) {
        write("f" + made++, null);
      } else if (choice < 4) {
        write(any, files.get(any));
      } else if (choice < 5) {
        String to = random.nextBoolean() ? "f" + made++ : names.get(random.nextInt(names.size()));
        if (!to.equals(any)) {
          move(any, to);
        }
      } else if (choice < 6) {
        remove(any);
      } else {
        read(any);
      }
    }

    /** Makes a call and judges its error, if it has one; false then. */
    private boolean succeeds(String what, Step step) throws Exception {
      int before = mount.outages();
      long start = System.nanoTime();
      try {
        watch.call(
            what,
            () -> {
              try {
                step.run();
              } catch (Failure e) {
                throw new Judged(e);
              }
              return null;
            });
        return true;
      } catch (Judged e) {
        throw e.failure;
      } catch (IOException e) {
        boolean mounted = before % 2 == 0 && before == mount.outages();
        if (mounted && System.nanoTime() - start < PATIENCE_NANOS) {
          throw new Failure(what + " failed while the mount was served: " + e);
        }
        run.count(mounted ? "errors after a minute" : "errors of a dead mount", 1);
        awaitMount();
        return false;
      }
    }

    private static final class Judged extends IOException {
      private static final long serialVersionUID = 1;
      private final transient Failure failure;

      Judged(Failure failure) {
        super(failure);
        this.failure = failure;
      }
    }

    private void awaitMount() throws InterruptedException {
      long end = System.nanoTime() + PATIENCE_NANOS;
      while (mount.outages() % 2 == 1 && System.nanoTime() < end) {
        Thread.sleep(20);
      }
    }

    private void maybe(String name, Data... contents) {
      Set<Data> possible = unsure.computeIfAbsent(name, _ -> new HashSet<>());
      for (Data content : contents) {
        if (content != null) {
          possible.add(content);
        }
      }
      files.remove(name);
    }

    private void write(String name, Data old) throws Exception {
      int choice = random.nextInt(6);
      int size =
          choice == 0
              ? random.nextInt(255)
              : random.nextInt(choice < 5 ? 200_000 : run.size(6_000_000, 3_000_000));
      Data data = new Data(random.nextLong(), size);
      if (succeeds("writing " + name, () -> MountFiles.write(home.resolve(name), data))) {
        files.put(name, data);
        run.count("bytes written", size);
      } else {
        maybe(name, old, data);
      }
    }

    private void move(String from, String to) throws Exception {
      Data moved = files.get(from);
      Data old = files.get(to);
      if (succeeds(
          "renaming " + from,
          () -> Files.move(home.resolve(from), home.resolve(to), StandardCopyOption.ATOMIC_MOVE))) {
        files.remove(from);
        files.put(to, moved);
      } else {
        maybe(from, moved);
        maybe(to, old, moved);
      }
    }

    private void remove(String name) throws Exception {
      Data old = files.get(name);
      if (succeeds("removing " + name, () -> Files.delete(home.resolve(name)))) {
        files.remove(name);
      } else {
        maybe(name, old);
      }
    }

    private void read(String name) throws Exception {
      Data data = files.get(name);
      if (succeeds(
          "reading " + name,
          () ->
              Failure.unless(
                  MountFiles.holds(home.resolve(name), data), name + " has other bytes"))) {
        run.count("reads", 1);
      }
    }

    /** All is quiet: each file that is certain is there, each other one is whole or not there. */
    void check(Path root) throws Exception {
      Path directory = root.resolve(home.getParent().getFileName()).resolve(home.getFileName());
      Set<String> names = watch.call("listing", () -> MountFiles.names(directory));
      for (Map.Entry<String, Data> file : files.entrySet()) {
        Failure.unless(names.remove(file.getKey()), file.getKey() + " was closed and is lost");
        Failure.unless(
            watch.call(
                "reading",
                () -> MountFiles.holds(directory.resolve(file.getKey()), file.getValue())),
            file.getKey() + " has other bytes than were closed");
      }
      for (String name : names) {
        Set<Data> possible = unsure.get(name);
        Failure.unless(possible != null, name + " should not be there");
        byte[] found = watch.call("reading", () -> Files.readAllBytes(directory.resolve(name)));
        boolean isOne = false;
        for (Data data : possible) {
          isOne |=
              data.size() == found.length
                  && Arrays.equals(found, Content.bytes(data.seed(), data.size()));
        }
        Failure.unless(
            isOne, name + " is neither whole nor absent: " + found.length + " other bytes");
      }
      run.count("files at the end", files.size());
      run.count("changes without answer", unsure.size());
    }
  }
}
