package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.tests.check.Parallel;
import org.eggsfs.tests.cluster.Cluster;

/**
 * One run of one scenario: its cluster, its size, its randomness, what it counts. All randomness
 * comes from the suite's seed and the scenario's name, so that a scenario makes the same choices
 * alone as among others.
 */
public final class Run implements AutoCloseable {
  private static final long ACTOR_STEP = 0xd1b54a32d192ed03L;

  private final Cluster cluster;
  private final boolean isShort;
  private final long seed;
  private final Path folder;
  private final Duration duration;
  private final Map<String, LongAdder> counts = new ConcurrentSkipListMap<>();
  private final List<EggsClient> clients = new ArrayList<>();

  /**
   * A run.
   *
   * @param seed of this scenario alone
   * @param folder for local files, made when needed
   * @param duration of scenarios that go on for a time, or null for their own
   */
  public Run(Cluster cluster, boolean isShort, long seed, Path folder, Duration duration) {
    this.cluster = cluster;
    this.isShort = isShort;
    this.seed = seed;
    this.folder = folder;
    this.duration = duration;
  }

  /** A short run on the same cluster with other choices and a folder of its own. */
  Run shortRun(long otherSeed, String name) {
    return new Run(cluster, true, otherSeed, folder.resolve(name), null);
  }

  /** The cluster under test. */
  public Cluster cluster() {
    return cluster;
  }

  /** One of two sizes. */
  public int size(int full, int small) {
    return isShort ? small : full;
  }

  /** How long a scenario goes on that has no other end. */
  public Duration duration(Duration full, Duration small) {
    return duration != null ? duration : isShort ? small : full;
  }

  /** Randomness of one actor of this scenario. */
  public SplittableRandom random(int actor) {
    // Seeds that differ by a multiple of the generator's own step would give shifted copies.
    return new SplittableRandom(new SplittableRandom(seed ^ (ACTOR_STEP * actor)).nextLong());
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

  /** A client that asks for answers of at most so many bytes, closed at the end of the run. */
  public synchronized EggsClient connect(int mtu) throws IOException, EggsException {
    EggsClient client = cluster.connect(mtu);
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
    Parallel.each(actors, IntStream.range(0, actors).boxed().toList(), actor::act);
  }

  /** The same for actors that wait in the kernel, as users of a mount do. */
  public void atOnceOnThreads(int actors, Actor actor) throws Exception {
    Parallel.eachOnThreads(actors, IntStream.range(0, actors).boxed().toList(), actor::act);
  }

  /** Deals numbered items out to a number of actors. */
  public void share(int actors, int items, Actor item) throws Exception {
    Parallel.each(actors, IntStream.range(0, items).boxed().toList(), item::act);
  }

  @Override
  public synchronized void close() {
    clients.forEach(EggsClient::close);
    clients.clear();
  }
}
