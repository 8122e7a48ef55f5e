package org.eggsfs.sim.defect;

import java.util.List;
import java.util.function.Predicate;
import org.eggsfs.consensus.Committer;
import org.eggsfs.store.KeyValueStore.Change;

/** Things done wrong, to stand in place of calls that do them right. */
public final class Wrong {
  private Wrong() {}

  /** Says that changes are durable before they are. */
  public static void submitAndTell(
      Committer committer, List<Change> changes, Runnable afterDurable) {
    committer.submit(changes, () -> {});
    afterDurable.run();
  }

  /** Nothing has to be durable before it is sent. */
  public static long requiresNothing(Object output) {
    return 0;
  }

  /** The first of two numbers, whichever is larger. */
  public static long first(long first, long second) {
    return first;
  }

  /** The wall clock, also when it steps back. */
  public static long nowWhatever(long now, long lastIssued) {
    return now;
  }

  /** Puts the pieces' checksums together as if they had no length. */
  public static int xor(int first, int second, long length) {
    return first ^ second;
  }

  /** Keeps everything. */
  public static boolean removeNothing(List<?> list, Predicate<?> condition) {
    return false;
  }

  /** What is wanted by oneself alone is shared with others. */
  public static Object shareIt(java.util.Map<Object, Object> wanted, Object key, Object exclusive) {
    return wanted.put(key, false);
  }

  /** Says yes. */
  public static boolean always(Object self, Object what) {
    return true;
  }

  /** Finds nothing. */
  public static Object findNothing(java.util.Map<?, ?> map, Object key) {
    return null;
  }

  /** Never reaches anything. */
  public static boolean isEmpty(java.util.Map<?, ?> map) {
    return true;
  }
}
