package org.eggsfs.gc.migrate;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.BlockJudge;
import org.eggsfs.gc.repair.Disk;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.gc.repair.RepairResult;
import org.eggsfs.gc.repair.Repairer;
import org.eggsfs.gc.repair.ReplacedListener;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.TaskGroup;
import org.eggsfs.gc.repair.Verdict;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * Empties block services (gc.md section 8): by itself those that are decommissioned ({@link #run}),
 * or any by hand ({@link #migrate}). A block is copied where its disk still answers, else rebuilt
 * from the others of its span.
 *
 * <p>By itself it looks at the shuckle's list now and then and asks the shards which files have
 * blocks on what is decommissioned; the shuckle's own opinion of that does not matter. What is
 * found is moved in order of danger. A service is scanned again until a scan finds nothing, and
 * once more when every file that was unlinked then has been linked or has died.
 *
 * <p>Threads: the caller's polls; scans of services, assessments and moves run on virtual threads
 * of bounded number and end with it. Two migrators, or a scrub, may meet at a file unharmed ({@link
 * Repairer}); that they do not is only a matter of efficiency.
 */
public final class Migrator implements AutoCloseable {
  /** Some tens of megabytes. */
  private static final int QUEUE_MAX = 200_000;

  private static final int SHARDS_AT_ONCE = 16;
  private static final int ASSESSMENTS_AT_ONCE = 32;
  private static final int SCANS_AT_ONCE = 4;

  /** How often a file is tried by hand before it is reported. */
  private static final int ATTEMPTS_BY_HAND = 3;

  /** Until a service is scanned again on which something was found; doubles while it stays. */
  private static final long RESCAN_NANOS_MIN = TimeUnit.SECONDS.toNanos(2);

  private static final long RESCAN_NANOS_MAX = TimeUnit.MINUTES.toNanos(10);

  /** A service that was found empty twice; nothing can come there any more. */
  private static final long CONFIRMED_NANOS = TimeUnit.HOURS.toNanos(24);

  private static final long REPORT_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final long IDLE_LOOK_NANOS_MAX = TimeUnit.SECONDS.toNanos(1);
  private static final System.Logger LOG = System.getLogger(Migrator.class.getName());

  private final MigrateSettings settings;
  private final MigrateCounters counters;
  private final Repairer repairer;
  private final Discovery discovery;
  private final Assessor assessor;
  private final MigrationQueue queue = new MigrationQueue(QUEUE_MAX);
  private final Map<Long, Watched> watched = new ConcurrentHashMap<>();
  private volatile Set<Long> scheduled = Set.of();

  /** A migrator over a client, which must outlive it. */
  public Migrator(EggsClient client, MigrateSettings settings, MigrateCounters counters) {
    this.settings = settings;
    this.counters = counters;
    this.repairer =
        new Repairer(
            client,
            settings.repair(),
            counters.repairs,
            "migrator " + settings.migratorIndex() + ": replaced blocks");
    this.discovery = new Discovery(client::shardAsync);
    this.assessor = new Assessor(client, repairer.disks());
  }

  /** A retired block service. Fields are guarded by it. */
  private static final class Watched {
    final Disk disk;
    long dueNanos;
    long pauseNanos = RESCAN_NANOS_MIN;
    boolean scanning;
    boolean hasFiles = true;
    int emptyScans;
    int scans;
    int completeScans;

    Watched(Disk disk, long nowNanos) {
      this.disk = disk;
      this.dueNanos = nowNanos;
    }

    synchronized boolean begin(long nowNanos, boolean queueIsIdle) {
      // Files that were found last time must have left the queue, or all would be found again.
      if (scanning || nowNanos - dueNanos < 0 || (hasFiles && scans > 0 && !queueIsIdle)) {
        return false;
      }
      scanning = true;
      scans++;
      return true;
    }

    synchronized void ended(boolean complete, boolean found, long confirmNanos, long nowNanos) {
      scanning = false;
      completeScans += complete ? 1 : 0;
      if (found || !complete) {
        hasFiles |= found;
        emptyScans = 0;
        dueNanos = nowNanos + pauseNanos;
        pauseNanos = Math.min(2 * pauseNanos, RESCAN_NANOS_MAX);
        return;
      }
      hasFiles = false;
      emptyScans++;
      pauseNanos = RESCAN_NANOS_MIN;
      dueNanos = nowNanos + (emptyScans == 1 ? confirmNanos : CONFIRMED_NANOS);
    }

    synchronized boolean isScanned() {
      return completeScans > 0 && !scanning;
    }

    synchronized boolean hasFiles() {
      return hasFiles;
    }
  }

  /** Empties decommissioned block services until the thread is interrupted. */
  public void run() throws InterruptedIOException {
    run(false, status -> {});
  }

  /**
   * The same.
   *
   * @param untilDone whether to end when nothing is left on what is decommissioned, as far as it
   *     can be moved
   * @param watcher is told now and then how things stand
   */
  void run(boolean untilDone, Consumer<MigrationStatus> watcher) throws InterruptedIOException {
    try (TaskGroup scans = new TaskGroup("migrate-scan", SCANS_AT_ONCE);
        TaskGroup moves = new TaskGroup("migrate-file", settings.filesAtOnce())) {
      long now = System.nanoTime();
      boolean listed = false;
      long pollNanos = now;
      long reportNanos = now + REPORT_NANOS;
      while (!Thread.currentThread().isInterrupted()) {
        now = System.nanoTime();
        if (now - pollNanos >= 0) {
          listed |= poll();
          pollNanos = now + settings.pollInterval().toNanos();
        }
        if (now - reportNanos >= 0) {
          report();
          watcher.accept(status());
          reportNanos = now + REPORT_NANOS;
        }
        startScans(scans);
        // With all at work this must not wait for a place: looks and reports go on.
        boolean free = queue.sizes().inWork() < settings.filesAtOnce();
        MigrationQueue.Danger next = free ? queue.poll(now) : null;
        if (next != null) {
          moves.submit(() -> move(next));
          continue;
        }
        if (queue.isIdle()) {
          // Until they are destroyed, replaced blocks keep their disks from being empty.
          repairer.scratchFiles().scrapIdle(0);
          // Before the shuckle has answered, nobody knows what is retired.
          if (untilDone
              && listed
              && isAllScanned()
              && queue.sizes().delayed() == queue.hopeless().size()) {
            watcher.accept(status());
            return;
          }
        }
        awaitChange(Math.min(pollNanos - now, IDLE_LOOK_NANOS_MAX));
      }
      throw new InterruptedIOException("the migrator is told to end");
    }
  }

  /** Whether every retired service has been scanned to the end since the queue was last in use. */
  private boolean isAllScanned() {
    return watched.values().stream().allMatch(Watched::isScanned);
  }

  private void awaitChange(long nanos) throws InterruptedIOException {
    try {
      queue.awaitChange(Math.max(nanos, 1));
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("migrating", e);
    }
  }

  /** Looks at the shuckle's list; whether it answered. */
  private boolean poll() throws InterruptedIOException {
    Collection<Disk> disks;
    try {
      disks = repairer.disks().refresh();
    } catch (InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException e) {
      LOG.log(System.Logger.Level.WARNING, "the shuckle does not list the block services", e);
      return false;
    }
    Set<Long> fresh = new HashSet<>();
    for (Disk disk : disks) {
      boolean ours =
          settings.failureDomain() == null || settings.failureDomain().equals(disk.domainName());
      if (disk.isDecommissioned() && ours) {
        fresh.add(disk.id());
        watched.computeIfAbsent(disk.id(), id -> new Watched(disk, System.nanoTime()));
      }
    }
    watched.keySet().retainAll(fresh);
    scheduled = Set.copyOf(fresh);
    return true;
  }

  private void startScans(TaskGroup scans) throws InterruptedIOException {
    if (!scans.hasPlace()) {
      return;
    }
    Map<Long, Watched> due = new HashMap<>();
    boolean idle = queue.isIdle();
    for (Map.Entry<Long, Watched> entry : watched.entrySet()) {
      if (entry.getValue().begin(System.nanoTime(), idle)) {
        due.put(entry.getKey(), entry.getValue());
      }
    }
    if (!due.isEmpty()) {
      scans.submit(() -> scan(due));
    }
  }

  /** One scan of these services through all shards. */
  private void scan(Map<Long, Watched> due) throws InterruptedIOException {
    Set<Long> services = Set.copyOf(due.keySet());
    Set<Long> withFiles = ConcurrentHashMap.newKeySet();
    Set<Integer> unlisted = ConcurrentHashMap.newKeySet();
    boolean ended = false;
    try (TaskGroup assessments = new TaskGroup("migrate-assess", ASSESSMENTS_AT_ONCE);
        TaskGroup shards = new TaskGroup("migrate-list", SHARDS_AT_ONCE)) {
      for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
        int number = shard;
        shards.submit(
            () -> {
              try {
                discovery.scan(
                    number,
                    services,
                    (file, on) -> {
                      if (settings.isMine(file)) {
                        assessments.submit(() -> assess(file, on, withFiles));
                      }
                    });
              } catch (InterruptedIOException e) {
                throw e;
              } catch (EggsException | IOException | RuntimeException | Error e) {
                // Whatever it was: what is not listed is not empty.
                unlisted.add(number);
                LOG.log(
                    System.Logger.Level.WARNING,
                    "shard " + number + " does not list the files of block services",
                    e);
              }
            });
      }
      shards.join();
      assessments.join();
      ended = true;
    } finally {
      boolean complete = ended && unlisted.isEmpty();
      long confirmNanos = settings.confirmInterval().toNanos();
      due.forEach(
          (id, one) ->
              one.ended(complete, withFiles.contains(id), confirmNanos, System.nanoTime()));
    }
    counters.scans.increment();
  }

  private void assess(long file, List<Long> on, Set<Long> withFiles) throws InterruptedIOException {
    Assessor.Assessment assessment;
    try {
      assessment = assessor.assess(file, scheduled);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException | RuntimeException | Error e) {
      LOG.log(
          System.Logger.Level.WARNING, "spans of file " + InodeIds.format(file) + " unknown", e);
      // The worst is assumed, and the move will tell.
      queue.offer(new MigrationQueue.Danger(file, 0, 1));
      withFiles.addAll(on);
      return;
    }
    if (assessment.need() != Assessor.Need.NONE) {
      withFiles.addAll(on);
    }
    if (assessment.need() == Assessor.Need.MOVE) {
      queue.offer(assessment.danger());
    }
  }

  private void move(MigrationQueue.Danger danger) throws InterruptedIOException {
    long file = danger.file();
    if (settings.logOnly()) {
      LOG.log(
          System.Logger.Level.INFO,
          "file {0} would be moved; its weakest span can lose {1} more blocks",
          InodeIds.format(file),
          danger.remaining());
      queue.done(file);
      return;
    }
    boolean ended = false;
    String reason = "interrupted";
    try {
      move(file, scheduled, ReplacedListener.NONE);
      ended = true;
    } catch (InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException | RuntimeException | Error e) {
      reason = e.toString();
      counters.failedFiles.increment();
      LOG.log(
          System.Logger.Level.WARNING,
          "blocks of file " + InodeIds.format(file) + " cannot be moved now",
          e);
    } finally {
      if (ended) {
        queue.done(file);
      } else {
        queue.failed(file, System.nanoTime(), reason);
      }
    }
  }

  /** Counts block by block: of a file that fails in the middle some have been moved. */
  private RepairResult move(long file, Set<Long> services, ReplacedListener listener)
      throws EggsException, IOException {
    RepairResult result =
        repairer.replaceBadBlocks(
            file,
            new ServiceJudge(services),
            block -> {
              counters.migratedBlocks.increment();
              counters.migratedBytes.add(block.old().size());
              listener.replaced(block);
            });
    if (result.replacedBlocks() > 0) {
      counters.migratedFiles.increment();
    }
    return result;
  }

  /** Condemns what is on some block services. */
  private record ServiceJudge(Set<Long> services) implements BlockJudge {
    @Override
    public Verdict judge(StoredBlock block) {
      return services.contains(block.service().id()) ? Verdict.MOVE : Verdict.KEEP;
    }

    @Override
    public Collection<Long> avoidedServices() {
      return services;
    }
  }

  private void report() {
    MigrationStatus status = status();
    counters.scheduledServices.set(status.scheduledServices());
    counters.servicesWithFiles.set(status.servicesWithFiles());
    counters.oldestServiceTime.set(status.oldestServiceTime());
    counters.remainingFiles.set(
        status.waitingFiles() + status.filesInWork() + (long) status.delayedFiles());
    counters.filesLosing2.set(status.filesLosing2());
    counters.filesLosing3.set(status.filesLosing3());
    counters.filesAtRisk.set(status.filesAtRisk());
    counters.hopelessFiles.set(status.hopeless().size());
    counters.forgottenFiles.set(status.forgottenFiles());
    counters.leftOutFiles.set(queue.leftOut());
    if (!status.isDone()) {
      LOG.log(
          System.Logger.Level.INFO,
          "migration: {0} block services with files; files: {1} waiting, {2} in work, {3} delayed,"
              + " {4} at risk; moved {5} blocks, {6} bytes of {7} files",
          status.servicesWithFiles(),
          status.waitingFiles(),
          status.filesInWork(),
          status.delayedFiles(),
          status.filesAtRisk(),
          counters.migratedBlocks.get(),
          counters.migratedBytes.get(),
          counters.migratedFiles.get());
    }
  }

  /** Where the automatic migration stands. */
  public MigrationStatus status() {
    int withFiles = 0;
    long oldest = 0;
    for (Watched one : watched.values()) {
      if (one.hasFiles()) {
        withFiles++;
        long time = one.disk.flagsChangedTime();
        oldest = oldest == 0 ? time : Math.min(oldest, time);
      }
    }
    MigrationQueue.Sizes sizes = queue.sizes();
    return new MigrationStatus(
        watched.size(),
        withFiles,
        oldest,
        sizes.waiting(),
        sizes.inWork(),
        sizes.delayed(),
        queue.withLost(2),
        queue.withLost(3),
        queue.withRemaining(0),
        queue.hopeless(),
        queue.forgotten());
  }

  // By hand.

  /** The block services that the shuckle lists and the condition holds for. */
  public List<Disk> select(Predicate<Disk> condition) throws EggsException, IOException {
    return repairer.disks().refresh().stream().filter(condition).toList();
  }

  /** Moves everything in all shards off these block services. */
  public MigrateReport migrate(Set<Long> services, MigrateListener listener)
      throws InterruptedIOException {
    return migrate(
        services, IntStream.range(0, ProtocolConstants.SHARD_COUNT).boxed().toList(), listener);
  }

  /**
   * Moves everything in some shards off these block services, whatever their flags are. A failed
   * file is tried a few times and then reported. A block service that still takes new blocks fills
   * up again, so it should have NO_WRITE.
   */
  public MigrateReport migrate(Set<Long> services, List<Integer> shards, MigrateListener listener)
      throws InterruptedIOException {
    Tally tally = new Tally(listener);
    try (TaskGroup moves = new TaskGroup("migrate-file", settings.filesAtOnce());
        TaskGroup listings = new TaskGroup("migrate-list", SHARDS_AT_ONCE)) {
      for (int shard : shards) {
        listings.submit(
            () -> {
              try {
                discovery.scan(
                    shard,
                    services,
                    (file, on) -> {
                      if (settings.isMine(file)) {
                        moves.submit(() -> moveByHand(file, services, tally));
                      }
                    });
                listener.listed(shard);
              } catch (InterruptedIOException e) {
                throw e;
              } catch (EggsException | IOException | RuntimeException | Error e) {
                tally.unlisted.put(shard, asException(e));
              }
            });
      }
      listings.join();
      moves.join();
    }
    repairer.scratchFiles().scrapIdle(0);
    return tally.report();
  }

  /** Moves the blocks of one file off these block services. */
  public MigrateReport migrateFile(long file, Set<Long> services, MigrateListener listener)
      throws InterruptedIOException {
    Tally tally = new Tally(listener);
    moveByHand(file, services, tally);
    repairer.scratchFiles().scrapIdle(0);
    return tally.report();
  }

  private void moveByHand(long file, Set<Long> services, Tally tally)
      throws InterruptedIOException {
    tally.files.increment();
    tally.listener.found(file);
    Exception failure = null;
    for (int attempt = 0; attempt < ATTEMPTS_BY_HAND; attempt++) {
      try {
        RepairResult result =
            move(
                file,
                services,
                block -> {
                  tally.blocks.incrementAndGet();
                  tally.bytes.addAndGet(block.old().size());
                  tally.listener.moved(block);
                });
        if (result.skipped()) {
          tally.unlinked.increment();
        }
        tally.listener.done(file);
        return;
      } catch (InterruptedIOException e) {
        throw e;
      } catch (EggsException | IOException | RuntimeException | Error e) {
        failure = asException(e);
        counters.failedFiles.increment();
        tally.listener.failed(file, failure);
        Interrupts.sleepNanos(MigrationQueue.RETRY_NANOS_MIN << attempt);
      }
    }
    tally.failed.put(file, failure);
  }

  /** An error, such as too little memory, is a failure of its file like any other. */
  private static Exception asException(Throwable failure) {
    return failure instanceof Exception exception ? exception : new IllegalStateException(failure);
  }

  /** Adds up a migration by hand. */
  private static final class Tally {
    final MigrateListener listener;
    final LongAdder files = new LongAdder();
    final LongAdder unlinked = new LongAdder();
    final AtomicLong blocks = new AtomicLong();
    final AtomicLong bytes = new AtomicLong();
    final Map<Long, Exception> failed = new ConcurrentHashMap<>();
    final Map<Integer, Exception> unlisted = new ConcurrentHashMap<>();

    Tally(MigrateListener listener) {
      this.listener = listener;
    }

    MigrateReport report() {
      return new MigrateReport(
          files.sum(), blocks.get(), bytes.get(), unlinked.sum(), failed, unlisted);
    }
  }

  /** Scraps scratch files; no call may be running any more. */
  @Override
  public void close() {
    repairer.close();
  }
}
