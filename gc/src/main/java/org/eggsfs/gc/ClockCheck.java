package org.eggsfs.gc;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;

/**
 * Whether this host's clock agrees with the cluster's (gc.md section 4). What is old enough to be
 * destroyed is decided with our clock; one that runs ahead would give up snapshots and files too
 * early. Block servers report to the shuckle every minute or two, so the times at which the shuckle
 * heard from those that are alive are the cluster's time, nearly. It is their median that counts: a
 * time from when the shuckle's own clock was wrong may stay with some for ever.
 *
 * <p>A clock that is behind only makes us late: it is told, and trusted. Without any block service
 * there is nothing to compare with, and nothing to erase. The answer is believed for a minute.
 * Thread-safe.
 */
public final class ClockCheck {
  /** Several times the interval at which block servers register. */
  public static final Duration TOLERANCE = Duration.ofMinutes(5);

  /** Who has not been heard from, or need not be. */
  private static final int SILENT = BlockServiceFlags.STALE | BlockServiceFlags.DECOMMISSIONED;

  private static final String ALERT = "clock-disagrees";
  private static final long TRUST_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final long DISTRUST_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** While a cluster starts nobody has registered yet: that is no news. */
  private static final long QUIET_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final Cluster cluster;
  private final LongSupplier clock;
  private final Alerts alerts;

  // Guarded by this.
  private boolean checked;
  private long checkedNanos;
  private String distrust;
  private long distrustSinceNanos;

  /**
   * Nothing is asked yet.
   *
   * @param clock nanoseconds since 1970
   */
  public ClockCheck(Cluster cluster, LongSupplier clock, Alerts alerts) {
    this.cluster = cluster;
    this.clock = clock;
    this.alerts = alerts;
  }

  /** Waits until the clock can be trusted. */
  public void awaitTrust() throws InterruptedException {
    while (distrust() != null) {
      TimeUnit.NANOSECONDS.sleep(DISTRUST_NANOS);
    }
  }

  /**
   * Checks the clock.
   *
   * @throws IOException if it is ahead of the cluster's, or the shuckle cannot be asked
   */
  public void require() throws IOException, InterruptedException {
    String reason = distrust();
    if (reason != null) {
      throw new IOException(reason);
    }
  }

  /** Why the clock is not trusted, or null. */
  private synchronized String distrust() throws InterruptedException {
    long now = System.nanoTime();
    long ttl = distrust == null ? TRUST_NANOS : DISTRUST_NANOS;
    if (checked && now - checkedNanos < ttl) {
      return distrust;
    }
    String before = distrust;
    try {
      distrust = compare();
    } catch (EggsException | IOException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw (InterruptedException) new InterruptedException().initCause(e);
      }
      distrust = "the shuckle cannot be asked for its time: " + e.getMessage();
    }
    checked = true;
    checkedNanos = System.nanoTime();
    if (distrust != null && before == null) {
      distrustSinceNanos = checkedNanos;
    }
    if (distrust != null && checkedNanos - distrustSinceNanos > QUIET_NANOS) {
      alerts.raise(ALERT, distrust);
    }
    return distrust;
  }

  private String compare() throws EggsException, IOException {
    AllBlockServicesDeprecatedResponse response =
        cluster.shuckle(new AllBlockServicesDeprecatedRequest());
    List<BlockServiceDeprecatedInfo> services = response.blockServices();
    List<BlockServiceDeprecatedInfo> heard =
        services.stream().filter(service -> (service.flags() & SILENT) == 0).toList();
    // Where all have been silent for long, the clock seems to be ahead, and nothing can be erased.
    long[] times =
        (heard.isEmpty() ? services : heard)
            .stream().mapToLong(BlockServiceDeprecatedInfo::lastSeen).sorted().toArray();
    return times.length == 0 ? null : judge(clock.getAsLong() - times[times.length / 2]);
  }

  private String judge(long aheadNanos) {
    if (aheadNanos > TOLERANCE.toNanos()) {
      return "this host's clock is "
          + TimeUnit.NANOSECONDS.toSeconds(aheadNanos)
          + " s ahead of the last time the shuckle heard from a block server: set the clock, or"
          + " find out why no block server registers; nothing is destroyed until then";
    }
    if (-aheadNanos > TOLERANCE.toNanos()) {
      alerts.raise(
          ALERT,
          "this host's clock is "
              + TimeUnit.NANOSECONDS.toSeconds(-aheadNanos)
              + " s behind the shuckle's: what can be destroyed is destroyed later");
    } else {
      alerts.clear(ALERT);
    }
    return null;
  }
}
