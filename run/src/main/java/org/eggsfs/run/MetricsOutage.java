package org.eggsfs.run;

import org.eggsfs.net.InfluxPush;

/** Logs when InfluxDB takes no metrics, and when it does again; not each try. */
final class MetricsOutage implements InfluxPush.Listener {
  private static final System.Logger LOGGER = System.getLogger(MetricsOutage.class.getName());

  /** Only the thread that sends touches it, and the one that ends it afterwards. */
  private boolean told;

  @Override
  public void sent() {
    if (told) {
      told = false;
      LOGGER.log(System.Logger.Level.INFO, "metrics are sent again");
    }
  }

  @Override
  public void failed(String reason) {
    if (!told) {
      told = true;
      LOGGER.log(System.Logger.Level.WARNING, "{0}; trying again", reason);
    }
  }
}
