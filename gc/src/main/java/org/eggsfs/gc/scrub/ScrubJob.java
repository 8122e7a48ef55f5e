package org.eggsfs.gc.scrub;

import java.io.InterruptedIOException;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.Cursors;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.repair.Interrupts;

/**
 * Scrub as a job of the daemon: scan after scan, each going on where the last process was stopped.
 * The cursors are made durable by the daemon.
 */
public final class ScrubJob implements GcJob {
  private static final String NAME = "scrub";

  private final EggsClient client;
  private final ScrubSettings settings;
  private final ScrubCounters counters = new ScrubCounters();
  private final List<Integer> shards;
  private final long cycleNanosMin;
  private final boolean single;
  private final AtomicLongArray cursors;

  /**
   * A job.
   *
   * @param shards whose files are scrubbed
   * @param cycleNanosMin between the starts of two scans, so that a small cluster comes to rest
   * @param single whether it ends after one scan
   */
  public ScrubJob(
      EggsClient client,
      ScrubSettings settings,
      BitSet shards,
      long cycleNanosMin,
      boolean single,
      Cursors cursors) {
    this.client = client;
    this.settings = settings;
    this.shards = shards.stream().boxed().toList();
    this.cycleNanosMin = cycleNanosMin;
    this.single = single;
    this.cursors = cursors.of(NAME);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Counters counters() {
    return counters;
  }

  @Override
  public void run() throws InterruptedException {
    ScrubProgress progress =
        new ScrubProgress() {
          @Override
          public long nextFile(int shard) {
            return cursors.get(shard);
          }

          @Override
          public void passed(int shard, long nextFile) {
            cursors.set(shard, nextFile);
          }
        };
    try (Scrubber scrubber = new Scrubber(client, settings, counters)) {
      while (true) {
        long startNanos = System.nanoTime();
        scrubber.runCycle(shards, progress, ScrubListener.NONE);
        if (single) {
          return;
        }
        Interrupts.sleepNanos(Math.max(0, startNanos + cycleNanosMin - System.nanoTime()));
      }
    } catch (InterruptedIOException e) {
      throw Interrupts.ofJob(e);
    }
  }
}
