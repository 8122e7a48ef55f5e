package org.eggsfs.gc.defrag;

import java.io.IOException;
import java.io.InterruptedIOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.protocol.EggsException;

/** Layout defragmentation of the whole tree as a job of the daemon, walk after walk. */
public final class DefragJob implements GcJob {
  private static final String ALERT = "defrag-walk";

  private final EggsClient client;
  private final DefragSettings settings;
  private final DefragCounters counters = new DefragCounters();
  private final long cycleNanosMin;
  private final boolean single;
  private final Alerts alerts;

  /**
   * A job.
   *
   * @param cycleNanosMin between the starts of two walks
   * @param single whether it ends after one walk
   */
  public DefragJob(
      EggsClient client,
      DefragSettings settings,
      long cycleNanosMin,
      boolean single,
      Alerts alerts) {
    this.client = client;
    this.settings = settings;
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
        walk(defragmenter);
        if (single) {
          return;
        }
        Interrupts.sleepNanos(Math.max(0, startNanos + cycleNanosMin - System.nanoTime()));
      }
    } catch (InterruptedIOException e) {
      throw Interrupts.ofJob(e);
    }
  }

  private void walk(Defragmenter defragmenter) throws InterruptedIOException {
    try {
      defragmenter.run("/", DefragListener.NONE);
      alerts.clear(ALERT);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException e) {
      alerts.raise(ALERT, "the walk for defragmentation was incomplete: " + e.getMessage());
    }
  }
}
