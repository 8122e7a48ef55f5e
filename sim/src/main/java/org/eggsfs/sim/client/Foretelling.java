package org.eggsfs.sim.client;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.sim.oracle.NamespaceModel;
import org.eggsfs.sim.world.World;

/** Compares what a lonely client is answered with what the model says; else does nothing. */
public final class Foretelling {
  private final World world;
  private NamespaceModel model;
  private long compared;

  Foretelling(World world) {
    this.world = world;
  }

  /** A client is alone from now on. */
  public void begin(NamespaceModel now) {
    model = now;
  }

  /**
   * It is so no longer.
   *
   * @return the tree that there must be, or null if nobody can tell
   */
  public NamespaceModel end() {
    NamespaceModel last = model;
    model = null;
    return last;
  }

  /** Answers compared so far. */
  public long compared() {
    return compared;
  }

  /** The model, or null while nothing can be foretold. */
  NamespaceModel model() {
    return model;
  }

  /** Nobody knows what has happened. */
  void lost() {
    model = null;
  }

  /** An answer must be the one foretold; null is success. */
  void compare(String operation, ErrorCode foretold, ErrorCode answered) {
    compared++;
    if (same(foretold) != same(answered)) {
      world.fail(
          "model", operation + " alone was answered " + answered + ", foretold was " + foretold);
    }
  }

  /** What the coordinator says in more words, or in fewer (design: LockCurrentEdge). */
  private static ErrorCode same(ErrorCode error) {
    return switch (error) {
      case OLD_DIRECTORY_NOT_FOUND, NEW_DIRECTORY_NOT_FOUND -> ErrorCode.DIRECTORY_NOT_FOUND;
      case MISMATCHING_TARGET -> ErrorCode.MISMATCHING_CREATION_TIME;
      case null, default -> error;
    };
  }
}
