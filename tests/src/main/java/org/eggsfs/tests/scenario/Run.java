package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.LongAdder;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.tests.cluster.Cluster;

/**
 * One run of one scenario: its cluster, its size, its randomness, what it counts. All randomness
 * comes from the suite's seed and the scenario's name, so that a scenario makes the same choices
 * alone as among others.
 */
public final class Run implements AutoCloseable {
  private final Cluster cluster;
  private final boolean isShort;
  private final long seed;
  private final Path folder;
  private final Map<String, LongAdder> counts = new ConcurrentSkipListMap<>();
  private final List<EggsClient> clients = new ArrayList<>();

  /**
   * A run.
   *
   * @param seed of this scenario alone
   * @param folder for local files, made when needed
   */
  public Run(Cluster cluster, boolean isShort, long seed, Path folder) {
    this.cluster = cluster;
    this.isShort = isShort;
    this.seed = seed;
    this.folder = folder;
  }

  /** The cluster under test. */
  public Cluster cluster() {
    return cluster;
  }

  /** One of two sizes. */
  public int size(int full, int small) {
    return isShort ? small : full;
  }

  /** Randomness of one actor of this scenario. */
  public SplittableRandom random(int actor) {
    return new SplittableRandom(seed + 0x9e3779b97f4a7c15L * (actor + 1));
  }

  /** A folder for local files. */
  public Path folder() throws IOException {
    return Files.createDirectories(folder);
  }

  /** A client of its own, closed at the end of the run. */
  public synchronized EggsClient connect() throws IOException, EggsException {
    EggsClient client = cluster.connect();
    clients.add(client);
    return client;
  }

  /** A client that no packet fault touches, closed at the end of the run. */
  public synchronized EggsClient connectDirectly() throws IOException, EggsException {
    EggsClient client = cluster.connectDirectly();
    clients.add(client);
    return client;
  }

  /** Counts for the report. */
  public void count(String what, long n) {
    counts.computeIfAbsent(what, _ -> new LongAdder()).add(n);
  }

  /** What was counted. */
  public Map<String, Long> counts() {
    Map<String, Long> values = new ConcurrentSkipListMap<>();
    counts.forEach((what, n) -> values.put(what, n.sum()));
    return values;
  }

  /** Work of one of several actors. */
  public interface Actor {
    /** Does it. */
    void act(int number) throws Exception;
  }

  /** Runs actors at the same time; the first failure is thrown when all have ended. */
  public void atOnce(int actors, Actor actor) throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < actors; i++) {
        int number = i;
        running.add(
            threads.submit(
                () -> {
                  actor.act(number);
                  return null;
                }));
      }
      await(running);
    }
  }

  /** Deals numbered items out to a number of actors. */
  public void share(int actors, int items, Actor item) throws Exception {
    java.util.concurrent.atomic.AtomicInteger next =
        new java.util.concurrent.atomic.AtomicInteger();
    atOnce(
        Math.min(actors, Math.max(items, 1)),
        _ -> {
          for (int i = next.getAndIncrement(); i < items; i = next.getAndIncrement()) {
            item.act(i);
          }
        });
  }

  private static void await(List<Future<?>> running) throws Exception {
    Exception first = null;
    for (Future<?> one : running) {
      try {
        one.get();
      } catch (ExecutionException e) {
        Exception cause =
            e.getCause() instanceof Exception exception
                ? exception
                : new IllegalStateException(e.getCause());
        if (first == null) {
          first = cause;
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }

  @Override
  public synchronized void close() {
    clients.forEach(EggsClient::close);
    clients.clear();
  }
}
