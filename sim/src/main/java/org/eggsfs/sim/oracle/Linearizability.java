package org.eggsfs.sim.oracle;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.eggsfs.core.InodeIds;

/**
 * Whether the calls on one name can be put into an order that one after another would have given
 * the same answers, and in which each lies between its beginning and its end (Wing and Gong, with
 * memory of what was tried as by Lowe). Names are independent, so one at a time is enough for each;
 * what an operation does to two names at the same moment is not promised.
 */
public final class Linearizability {
  /** Beyond so many tried states the answer is "perhaps". */
  private static final int TRIED_MAX = 200_000;

  /**
   * What a name leads to.
   *
   * @param target 0 for nothing
   * @param time of the edge's creation or, for nothing, of the last one's end; 0 if not known
   */
  public record State(long target, long time) {
    /** Never used. */
    public static final State NOTHING = new State(0, 0);
  }

  /** What came out. */
  public enum Verdict {
    /** There is such an order. */
    YES,
    /** There is none. */
    NO,
    /** Not found in the allowed number of steps. */
    UNDECIDED
  }

  private record Tried(BitSet done, State state) {}

  private final List<Call> calls;
  private final Set<Tried> tried = new HashSet<>();
  private boolean exhausted;

  private Linearizability(List<Call> calls) {
    this.calls = calls;
  }

  /** Judges the calls on a name that led to {@code initial}. */
  public static Verdict check(State initial, List<Call> calls) {
    List<Call> sorted = new ArrayList<>(calls);
    sorted.sort(Comparator.comparingLong(Call::start));
    Linearizability search = new Linearizability(sorted);
    if (search.canFinish(new BitSet(sorted.size()), initial)) {
      return Verdict.YES;
    }
    return search.exhausted ? Verdict.UNDECIDED : Verdict.NO;
  }

  /** Whether what is not done can be done from the state. */
  private boolean canFinish(BitSet done, State state) {
    long horizon = horizon(done);
    boolean moved = true;
    while (moved) {
      moved = false;
      // A read that fits changes nothing, so doing it now can only help.
      for (int i = done.nextClearBit(0); i < calls.size(); i = done.nextClearBit(i + 1)) {
        Call call = calls.get(i);
        if (call.start() >= horizon) {
          break;
        }
        if (call.kind() == Call.Kind.READ && state.equals(after(call, state))) {
          done.set(i);
          moved = true;
        }
      }
      if (moved) {
        horizon = horizon(done);
      }
    }
    if (horizon == Call.NEVER) {
      return true;
    }
    if (tried.size() >= TRIED_MAX) {
      exhausted = true;
      return false;
    }
    if (!tried.add(new Tried((BitSet) done.clone(), state))) {
      return false;
    }
    for (int i = done.nextClearBit(0); i < calls.size(); i = done.nextClearBit(i + 1)) {
      Call call = calls.get(i);
      if (call.start() >= horizon) {
        return false;
      }
      State next = after(call, state);
      if (next != null) {
        BitSet more = (BitSet) done.clone();
        more.set(i);
        if (canFinish(more, next)) {
          return true;
        }
      }
    }
    return false;
  }

  /** The first end among what must still be done; nothing that begins later may come before. */
  private long horizon(BitSet done) {
    long first = Call.NEVER;
    for (int i = done.nextClearBit(0); i < calls.size(); i = done.nextClearBit(i + 1)) {
      Call call = calls.get(i);
      if (call.start() >= first) {
        break;
      }
      if (!call.isOptional()) {
        first = Math.min(first, call.end());
      }
    }
    return first;
  }

  /** The state after the call, or null if the call could not have been answered so in this one. */
  static State after(Call call, State state) {
    return switch (call.kind()) {
      case READ -> read(call, state);
      case PUT -> put(call, state);
      case PUT_NEW -> state.target == 0 ? put(call, state) : null;
      case FIND_OR_PUT -> {
        State found = read(call, state);
        yield found == null ? put(call, state) : found;
      }
      case REPLACE ->
          leadsTo(call.replaced().target(), call.replaced().time(), state)
              ? put(call, state)
              : null;
      case DELETE -> leadsTo(call, state) ? gone(call, state) : null;
    };
  }

  private static State read(Call call, State state) {
    if (call.target() == 0) {
      return state.target == 0 ? state : null;
    }
    if (!leadsTo(call, state)) {
      return null;
    }
    State known = new State(call.target(), Math.max(state.time, call.time()));
    return known.equals(state) ? state : known;
  }

  private static boolean leadsTo(Call call, State state) {
    return leadsTo(call.target(), call.time(), state);
  }

  private static boolean leadsTo(long target, long time, State state) {
    boolean same =
        state.target == target
            || (state.target == Call.ANY_DIRECTORY && InodeIds.isDirectory(target));
    return same && (state.time == 0 || time == 0 || state.time == time);
  }

  private static State put(Call call, State state) {
    boolean directories = InodeIds.isDirectory(state.target) || InodeIds.isDirectory(call.target());
    if (state.target != 0 && directories) {
      return null;
    }
    if (call.time() != 0 && call.time() <= state.time) {
      return null;
    }
    return new State(call.target(), call.time());
  }

  private static State gone(Call call, State state) {
    return new State(0, Math.max(call.time(), state.time));
  }
}
