package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.List;

/** What a check found wrong: the first ones in words, all of them counted. */
public final class Findings {
  /** How many are kept in words; a broken store may have millions. */
  public static final int KEPT_MAX = 1000;

  private final List<String> kept = new ArrayList<>();
  private long count;

  /** Notes a violation of a property of shard.md section 17. */
  public void add(String property, String what) {
    count++;
    if (kept.size() < KEPT_MAX) {
      kept.add(property + ": " + what);
    }
  }

  /** Notes a violation unless the condition holds. */
  public void require(boolean holds, String property, String what) {
    if (!holds) {
      add(property, what);
    }
  }

  /** How many violations there are. */
  public long count() {
    return count;
  }

  /** The first violations, each with the number of the violated property. */
  public List<String> kept() {
    return List.copyOf(kept);
  }
}
