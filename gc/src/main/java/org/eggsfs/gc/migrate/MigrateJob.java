package org.eggsfs.gc.migrate;

import java.io.InterruptedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.repair.Interrupts;

/** Automatic migration as a job of the daemon; its state is what the shards list. */
public final class MigrateJob implements GcJob {
  private static final String HOPELESS = "migrate-hopeless-files";
  private static final String FORGOTTEN = "migrate-forgotten-files";

  private final EggsClient client;
  private final MigrateSettings settings;
  private final MigrateCounters counters = new MigrateCounters();
  private final boolean single;
  private final Alerts alerts;

  /**
   * A job.
   *
   * @param single whether it ends when everything that is retired now has been emptied once
   */
  public MigrateJob(EggsClient client, MigrateSettings settings, boolean single, Alerts alerts) {
    this.client = client;
    this.settings = settings;
    this.single = single;
    this.alerts = alerts;
  }

  @Override
  public String name() {
    return "migrate";
  }

  @Override
  public Counters counters() {
    return counters;
  }

  @Override
  public void run() throws InterruptedException {
    try (Migrator migrator = new Migrator(client, settings, counters)) {
      migrator.run(single, this::told);
    } catch (InterruptedIOException e) {
      throw Interrupts.ofJob(e);
    }
  }

  private void told(MigrationStatus status) {
    if (status.forgottenFiles() == 0) {
      alerts.clear(FORGOTTEN);
    } else {
      alerts.raise(
          FORGOTTEN,
          "more files fail than can be remembered, about "
              + status.forgottenFiles()
              + " are left out until they are found again");
    }
    if (status.hopeless().isEmpty()) {
      alerts.clear(HOPELESS);
      return;
    }
    Map<String, String> reasons = new LinkedHashMap<>();
    status.hopeless().stream()
        .limit(10)
        .forEach(one -> reasons.put(Long.toHexString(one.file()), one.reason()));
    alerts.raise(
        HOPELESS,
        status.hopeless().size()
            + " files cannot be moved off retired disks, among them "
            + reasons);
  }
}
