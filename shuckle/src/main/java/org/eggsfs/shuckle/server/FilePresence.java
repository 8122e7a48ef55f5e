package org.eggsfs.shuckle.server;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.ShardsAtLocationRequest;
import org.eggsfs.protocol.shuckle.ShardsAtLocationResponse;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.protocol.struct.ShardInfo;
import org.eggsfs.shuckle.state.LogEntry;
import org.eggsfs.shuckle.state.ShuckleState;

/**
 * Finds out which block services still have files, by asking the shards (shuckle.md section 10).
 * The migrator works on decommissioned services with files, and the decommissioning throttle counts
 * them.
 *
 * <p>One virtual thread; of services in use at most one per second, of the others, which somebody
 * waits for, one after another. The shard that had files last time is asked first, so a service in
 * use costs one datagram. Only when all 256 shards say no, the service has no files. Live services
 * that report no blocks are not asked about at all, decommissioned ones come first, and an answer
 * that does not change is asked for less and less often.
 */
final class FilePresence implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(FilePresence.class.getName());

  private static final long PAUSE_MILLIS = 1_000;

  /** After a look at a service that is out of use: hundreds may be, when a rack is. */
  private static final long URGENT_PAUSE_MILLIS = 10;

  private static final long IDLE_MILLIS = 5_000;
  private static final long INTERVAL_MIN_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final long INTERVAL_MAX_NANOS = TimeUnit.HOURS.toNanos(1);

  /** After so many silent shards the round is given up. */
  private static final int SILENT_MAX = 3;

  private static final int UNUSABLE =
      BlockServiceFlags.DECOMMISSIONED | BlockServiceFlags.STALE | BlockServiceFlags.NO_READ;

  private final StateKeeper keeper;
  private final ShardCaller shards;
  private final Thread thread;
  private final Map<Long, Schedule> schedules = new HashMap<>();
  private volatile boolean closed;

  /** When a service is looked at next, and where to look first. */
  private static final class Schedule {
    long dueNanos = System.nanoTime();
    long intervalNanos = INTERVAL_MIN_NANOS;
    int flags;
    int shard = -1;
  }

  FilePresence(StateKeeper keeper, ShardCaller shards) {
    this.keeper = keeper;
    this.shards = shards;
    this.thread = Thread.ofVirtual().name("shuckle-file-presence").unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  private void run() {
    while (!closed) {
      try {
        Thread.sleep(step());
      } catch (InterruptedException e) {
        return;
      } catch (ExecutionException | EggsException | RuntimeException | Error e) {
        if (closed) {
          return;
        }
        LOG.log(System.Logger.Level.WARNING, "looking for files failed", e);
        if (!pauseAfterFailure()) {
          return;
        }
      }
    }
  }

  private static boolean pauseAfterFailure() {
    try {
      Thread.sleep(IDLE_MILLIS);
      return true;
    } catch (InterruptedException e) {
      return false;
    }
  }

  /** Looks after the service that is due most urgently; the result is the pause in milliseconds. */
  private long step() throws InterruptedException, ExecutionException, EggsException {
    List<FullBlockServiceInfo> rows = keeper.read(state -> List.copyOf(state.blockServices()));
    FullBlockServiceInfo next = null;
    long now = System.nanoTime();
    for (FullBlockServiceInfo row : rows) {
      if (isIdle(row)) {
        continue;
      }
      Schedule schedule = schedules.computeIfAbsent(row.id(), id -> new Schedule());
      if (schedule.flags != row.flags()) {
        schedule.flags = row.flags();
        schedule.dueNanos = now;
        schedule.intervalNanos = INTERVAL_MIN_NANOS;
      }
      if (schedule.dueNanos - now <= 0 && (next == null || isMoreUrgent(row, next))) {
        next = row;
      }
    }
    if (next == null) {
      return IDLE_MILLIS;
    }
    List<ShardInfo> leaders = leaders();
    for (ShardInfo leader : leaders) {
      if (!Addresses.isPresent(leader.addrs())) {
        return IDLE_MILLIS;
      }
    }
    look(next, leaders);
    return isUrgent(next) ? URGENT_PAUSE_MILLIS : PAUSE_MILLIS;
  }

  /** A live service without blocks that is known to have no files: nothing can have changed. */
  private static boolean isIdle(FullBlockServiceInfo row) {
    return (row.flags() & UNUSABLE) == 0 && row.blocks() == 0 && !row.hasFiles();
  }

  private static boolean isUrgent(FullBlockServiceInfo row) {
    return (row.flags() & UNUSABLE) != 0;
  }

  /** First those that are decommissioned, then those that are out of use otherwise. */
  private boolean isMoreUrgent(FullBlockServiceInfo a, FullBlockServiceInfo b) {
    int rankA = rank(a);
    int rankB = rank(b);
    return rankA == rankB
        ? schedules.get(a.id()).dueNanos - schedules.get(b.id()).dueNanos < 0
        : rankA > rankB;
  }

  private static int rank(FullBlockServiceInfo row) {
    return (row.flags() & BlockServiceFlags.DECOMMISSIONED) != 0 ? 2 : isUrgent(row) ? 1 : 0;
  }

  private List<ShardInfo> leaders() throws EggsException {
    ShardsAtLocationRequest request =
        new ShardsAtLocationRequest(ProtocolConstants.DEFAULT_LOCATION);
    ShuckleState.Self nobody =
        new ShuckleState.Self(ProtocolConstants.DEFAULT_LOCATION, Addresses.NONE);
    return keeper.read(
        state -> ((ShardsAtLocationResponse) state.read(request, nobody, 0)).shards());
  }

  private void look(FullBlockServiceInfo row, List<ShardInfo> leaders)
      throws InterruptedException, ExecutionException {
    Schedule schedule = schedules.get(row.id());
    boolean hasFiles = false;
    int silent = 0;
    for (int shard : order(schedule.shard)) {
      try {
        if (shards.hasFiles(leaders.get(shard).addrs(), row.id())) {
          hasFiles = true;
          schedule.shard = shard;
          break;
        }
      } catch (IOException | EggsException e) {
        LOG.log(System.Logger.Level.DEBUG, "asking shard " + shard + " for files failed", e);
        silent++;
        if (closed || silent >= SILENT_MAX) {
          break;
        }
      }
    }
    boolean certain = hasFiles || silent == 0;
    boolean changed = certain && hasFiles != row.hasFiles();
    if (changed) {
      boolean found = hasFiles;
      keeper.submit(time -> new LogEntry.FilePresence(time, row.id(), found)).get();
    }
    schedule.intervalNanos =
        changed || !certain
            ? INTERVAL_MIN_NANOS
            : Math.min(2 * schedule.intervalNanos, intervalMax(row));
    schedule.dueNanos = System.nanoTime() + schedule.intervalNanos;
  }

  /** A decommissioned service is being emptied: its end should be noticed soon. */
  private static long intervalMax(FullBlockServiceInfo row) {
    boolean emptying = (row.flags() & BlockServiceFlags.DECOMMISSIONED) != 0 && row.hasFiles();
    return emptying ? INTERVAL_MIN_NANOS : INTERVAL_MAX_NANOS;
  }

  private static List<Integer> order(int first) {
    List<Integer> order = new ArrayList<>(ProtocolConstants.SHARD_COUNT);
    for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
      order.add(shard);
    }
    Collections.shuffle(order);
    if (first >= 0) {
      Collections.swap(order, 0, order.indexOf(first));
    }
    return order;
  }

  @Override
  public void close() {
    closed = true;
    shards.close();
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
