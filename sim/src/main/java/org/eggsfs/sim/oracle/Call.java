package org.eggsfs.sim.oracle;

import org.eggsfs.core.InodeIds;

/**
 * One operation's part in the history of one name: from when it was asked for to when it was
 * answered, and what it says about the name. An operation on two names is two calls.
 */
public final class Call {
  /** What a call does to a name, or learns about it. */
  public enum Kind {
    /** The name leads to the target, or to nothing if that is 0. */
    READ,
    /** The name leads to the target from now on. */
    PUT,
    /** Like PUT, and the name led to nothing before. */
    PUT_NEW,
    /** Like PUT, unless the name leads there already. */
    FIND_OR_PUT,
    /** The name had the replaced edge, and leads to the target from now on. */
    REPLACE,
    /** The name led to the target and leads to nothing from now on. */
    DELETE
  }

  /** The target of a directory whose id was never heard: the root, which no name leads to. */
  public static final long ANY_DIRECTORY = InodeIds.ROOT;

  /** The end of a call that was never answered. */
  public static final long NEVER = Long.MAX_VALUE;

  private final String who;
  private final Kind kind;
  private final long start;
  private long target;
  private long time;
  private long end = NEVER;
  private boolean optional;
  private Linearizability.State replaced;

  /**
   * A call that begins.
   *
   * @param who for people
   * @param target inode, 0 for none
   * @param time of the edge's creation; 0 if not known
   * @param start its place in the order of all beginnings and ends
   */
  public Call(String who, Kind kind, long target, long time, long start) {
    this.who = who;
    this.kind = kind;
    this.target = target;
    this.time = time;
    this.start = start;
  }

  /** The edge that a REPLACE takes the place of. */
  public void replaces(Linearizability.State edge) {
    replaced = edge;
  }

  Linearizability.State replaced() {
    return replaced;
  }

  /** The target has become known. */
  public void leadsTo(long inode) {
    target = inode;
  }

  /** When the edge was made; 0 if not known. */
  public long edgeTime() {
    return time;
  }

  /** It was answered: it has happened. */
  public void succeed(long edgeTime, long at) {
    time = edgeTime;
    end = at;
  }

  /** Nobody knows: it may have happened, or may still happen, or not. */
  public void mayHappen() {
    optional = true;
    end = NEVER;
  }

  Kind kind() {
    return kind;
  }

  /** What the name leads to, or led to. */
  public long target() {
    return target;
  }

  long time() {
    return time;
  }

  long start() {
    return start;
  }

  long end() {
    return end;
  }

  boolean isOptional() {
    return optional;
  }

  @Override
  public String toString() {
    return "["
        + start
        + ", "
        + (end == NEVER ? "?" : Long.toString(end))
        + "] "
        + who
        + " "
        + kind
        + " "
        + (target == 0 ? "nothing" : InodeIds.format(target))
        + (time == 0 ? "" : " @" + time)
        + (replaced == null ? "" : " in place of " + replaced)
        + (optional ? " (unknown outcome)" : "");
  }
}
