package org.eggsfs.tests.scenario;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eggsfs.net.Addresses;
import org.eggsfs.tests.cluster.Cluster;
import org.eggsfs.tests.cluster.RoleProcess;
import org.eggsfs.tests.faults.Nonsense;

/** Faults of processes, one after another with pauses, for as long as a load runs. */
final class Faults {
  /** The number of the actor whose randomness decides about faults; loads use small numbers. */
  private static final int FAULT_ACTOR = 1_000_000;

  private static final long POLL_MILLIS = 20;

  /** How long a killed process stays away, at most. */
  private static final int AWAY_MILLIS_MAX = 1_500;

  /** How long a stopped process stays silent, at most. */
  private static final int SILENT_MILLIS_MAX = 4_000;

  private Faults() {}

  /** One fault; when it returns all is well again. */
  interface Fault {
    void happen(Run run, SplittableRandom random) throws Exception;
  }

  /** Makes a fault again and again. The first one happens in any case. */
  static Disturbance repeated(String counted, int pauseMillisMax, Fault fault) {
    return (run, load) -> {
      SplittableRandom random = run.random(FAULT_ACTOR);
      AtomicBoolean loadEnded = new AtomicBoolean();
      Callable<Void> loop =
          () -> {
            do {
              rest(random.nextInt(pauseMillisMax / 4, pauseMillisMax), loadEnded);
              fault.happen(run, random);
              run.count(counted, 1);
            } while (!loadEnded.get());
            return null;
          };
      FutureTask<Void> faults = new FutureTask<>(loop);
      Thread.ofVirtual().name("faults").start(faults);
      Exception failure = null;
      try {
        load.run();
      } catch (Exception e) {
        failure = e;
      }
      loadEnded.set(true);
      // Also after a failure: a fault that goes on would start processes that nobody stops.
      try {
        faults.get();
      } catch (ExecutionException e) {
        if (failure == null) {
          failure = new IllegalStateException("a fault could not be made", e.getCause());
        } else {
          failure.addSuppressed(e.getCause());
        }
      }
      if (failure != null) {
        throw failure;
      }
    };
  }

  private static void rest(long millis, AtomicBoolean loadEnded) throws InterruptedException {
    long end = System.nanoTime() + millis * 1_000_000;
    while (System.nanoTime() < end && !loadEnded.get()) {
      Thread.sleep(POLL_MILLIS);
    }
  }

  /** Everything is killed at once and started again: a power failure of the whole room. */
  static Fault crashOfEverything() {
    return (run, _) -> run.cluster().crash();
  }

  /** One of the named processes is killed and comes back after a moment. */
  static Fault kill(String... names) {
    return (run, random) -> {
      RoleProcess victim = run.cluster().child(names[random.nextInt(names.length)]);
      victim.kill();
      Thread.sleep(random.nextInt(AWAY_MILLIS_MAX));
      victim.start();
      victim.awaitReady();
    };
  }

  /** One of several faults, by chance. */
  static Fault oneOf(Fault... faults) {
    return (run, random) -> faults[random.nextInt(faults.length)].happen(run, random);
  }

  /** One of the named processes hangs for a moment: its sockets are there, it says nothing. */
  static Fault silence(String... names) {
    return (run, random) -> {
      RoleProcess victim = run.cluster().child(names[random.nextInt(names.length)]);
      victim.pause();
      try {
        Thread.sleep(random.nextInt(SILENT_MILLIS_MAX));
      } finally {
        victim.resume();
      }
    };
  }

  /**
   * Clocks of all processes are off by up to a minute, in the short size by seconds, and are
   * stepped, also back, again and again; at the end all are right. The shuckle's stays within half
   * of what it takes for silence, since by its clock it judges who is stale.
   */
  static Disturbance clockSteps(int pauseMillisMax) {
    Fault step =
        (run, random) -> {
          List<String> names = new ArrayList<>(run.cluster().children().keySet());
          Collections.sort(names);
          String name = names.get(random.nextInt(names.size()));
          long seconds = name.equals(Cluster.SHUCKLE) ? 8 : run.size(60, 12);
          run.cluster().clocks().set(name, random.nextLong(-seconds, seconds + 1) * 1_000_000_000L);
        };
    Disturbance steps = repeated("clock steps", pauseMillisMax, step);
    return (run, load) -> {
      try {
        steps.during(run, load);
      } finally {
        for (String name : run.cluster().children().keySet()) {
          run.cluster().clocks().set(name, 0);
        }
      }
    };
  }

  /** All ports hear what no client says, again and again. */
  static Disturbance nonsense(int pauseMillisMax) {
    return (run, load) -> {
      try (Nonsense nonsense =
          new Nonsense(run.connectDirectly(), Addresses.parse(run.cluster().shuckleAddress()))) {
        repeated("bursts of nonsense", pauseMillisMax, (_, random) -> nonsense.burst(random))
            .during(run, load);
        run.count("datagrams of nonsense", nonsense.datagrams());
        run.count("connections of nonsense", nonsense.connections());
      }
    };
  }

  /** One to {@code countMax} block servers are gone at the same time, killed or silent. */
  static Fault loseBlockServers(int countMax, int awayMillis) {
    return (run, random) -> {
      List<Integer> numbers = new ArrayList<>();
      for (int i = 0; i < run.cluster().config().blockServers(); i++) {
        numbers.add(i);
      }
      Collections.shuffle(numbers, new java.util.Random(random.nextLong()));
      List<RoleProcess> killed = new ArrayList<>();
      List<RoleProcess> silent = new ArrayList<>();
      for (int number : numbers.subList(0, random.nextInt(1, countMax + 1))) {
        RoleProcess victim = run.cluster().child(Cluster.blockServer(number));
        if (random.nextBoolean()) {
          victim.kill();
          killed.add(victim);
        } else {
          victim.pause();
          silent.add(victim);
        }
      }
      run.count("servers lost", killed.size() + silent.size());
      Thread.sleep(awayMillis);
      for (RoleProcess victim : silent) {
        victim.resume();
      }
      for (RoleProcess victim : killed) {
        victim.start();
      }
      for (RoleProcess victim : killed) {
        victim.awaitReady();
      }
    };
  }
}
