package org.eggsfs.gc;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * States of affairs that somebody should know of, until they are over (gc.md section 1). Each is
 * one log event when it begins and one when it ends, however often it is raised; what is active is
 * in the status file. Thread-safe.
 */
public final class Alerts {
  /** So many at the same time are no news any more, and keys may be as many as inodes. */
  private static final int ACTIVE_MAX = 20;

  /** So that one for each dead disk, or for each shard, leaves room for those of another kind. */
  private static final int ACTIVE_PER_KIND_MAX = 5;

  private static final Logger LOG = System.getLogger(Alerts.class.getName());

  private final Map<String, String> active = new LinkedHashMap<>();
  private boolean overflowed;

  /**
   * Raises an alert, or updates the text of an active one.
   *
   * @param key whose last part, after the last {@code -}, tells alerts of one kind apart
   */
  public synchronized void raise(String key, String text) {
    if (active.containsKey(key)) {
      active.put(key, text);
    } else if (active.size() < ACTIVE_MAX && countOfKind(kind(key)) < ACTIVE_PER_KIND_MAX) {
      active.put(key, text);
      LOG.log(Level.WARNING, "alert={0} state=raised text={1}", key, text);
    } else if (!overflowed) {
      overflowed = true;
      LOG.log(Level.WARNING, "alert=too-many-alerts state=raised text=further ones are dropped");
    }
  }

  /** A key without its last part: which disk, which shard. */
  private static String kind(String key) {
    return key.substring(0, key.lastIndexOf('-') + 1);
  }

  private long countOfKind(String kind) {
    return kind.isEmpty() ? 0 : active.keySet().stream().filter(k -> kind(k).equals(kind)).count();
  }

  /** The state of affairs is over. */
  public synchronized void clear(String key) {
    if (active.remove(key) != null) {
      overflowed = false;
      LOG.log(Level.INFO, "alert={0} state=cleared", key);
    }
  }

  /** Keys and texts of what is active, oldest first. */
  public synchronized Map<String, String> active() {
    return new LinkedHashMap<>(active);
  }
}
