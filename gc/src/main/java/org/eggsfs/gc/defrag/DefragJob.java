package org.eggsfs.gc.defrag;

import java.io.IOException;
import java.io.InterruptedIOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.protocol.EggsException;

/**
 * Defragmentation of the whole tree as a job of the daemon, walk after walk: if wanted the files
 * whose span sizes do not fit, which get the right layout with it, then the layout of all others.
 */
public final class DefragJob implements GcJob {
  private static final String ALERT = "defrag-walk";
  private static final String SIZES_ALERT = "defrag-span-sizes-walk";

  private final EggsClient client;
  private final DefragSettings settings;
  private final DefragCounters counters = new DefragCounters();
  private final boolean spanSizes;
  private final long cycleNanosMin;
  private final boolean single;
  private final Alerts alerts;

  /**
   * A job.
   *
   * @param spanSizes whether files are copied for the sizes of their spans
   * @param cycleNanosMin between the starts of two walks
   * @param single whether it ends after one walk
   */
  public DefragJob(
      EggsClient client,
      DefragSettings settings,
      boolean spanSizes,
      long cycleNanosMin,
      boolean single,
      Alerts alerts) {
    this.client = client;
    this.settings = settings;
    this.spanSizes = spanSizes;
    this.cycleNanosMin = cycleNanosMin;
    this.single = single;
    this.alerts = alerts;
  }

  @Override
  public String name() {
    return "defrag";
  }

  @Override
  public Counters counters() {
    return counters;
  }

  @Override
  public void run() throws InterruptedException {
    try (Defragmenter defragmenter = new Defragmenter(client, settings, counters)) {
      while (true) {
        long startNanos = System.nanoTime();
        if (spanSizes) {
          walkForSpanSizes();
        }
        walk(ALERT, () -> defragmenter.run("/", DefragListener.NONE));
        if (single) {
          return;
        }
        Interrupts.sleepNanos(Math.max(0, startNanos + cycleNanosMin - System.nanoTime()));
      }
    } catch (InterruptedIOException e) {
      throw Interrupts.ofJob(e);
    }
  }

  private interface Walk {
    void run() throws EggsException, IOException;
  }

  /** With memory of its own, which is given back before the other walk takes its. */
  private void walkForSpanSizes() throws InterruptedIOException {
    try (SpanSizeDefragmenter defragmenter = new SpanSizeDefragmenter(client, settings, counters)) {
      walk(SIZES_ALERT, () -> defragmenter.run("/", DefragListener.NONE));
    }
  }

  private void walk(String alert, Walk walk) throws InterruptedIOException {
    try {
      walk.run();
      alerts.clear(alert);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException e) {
      counters.failedWalks.increment();
      alerts.raise(alert, "the walk for defragmentation was incomplete: " + e.getMessage());
    }
  }
}
