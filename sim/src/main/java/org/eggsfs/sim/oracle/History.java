package org.eggsfs.sim.oracle;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.eggsfs.sim.oracle.Linearizability.State;

/**
 * What all clients asked for and were told, name by name. It is judged in epochs: at the end of
 * each, when nothing is under way, what the servers hold is one more read of every name.
 */
public final class History {
  private final Map<Name, List<Call>> calls = new HashMap<>();
  private final Map<Name, State> initial = new HashMap<>();

  /** Every edge that somebody has made or may have made. */
  private final Map<Name, List<Call>> puts = new HashMap<>();

  private long moments;
  private long undecided;

  /** The next place in the order of beginnings and ends. */
  public long moment() {
    return ++moments;
  }

  /** Begins a call. */
  public Call begin(String who, Name name, Call.Kind kind, long target, long time) {
    Call call = new Call(who, kind, target, time, moment());
    calls.computeIfAbsent(name, n -> new ArrayList<>()).add(call);
    if (kind != Call.Kind.READ && kind != Call.Kind.DELETE) {
      puts.computeIfAbsent(name, n -> new ArrayList<>()).add(call);
    }
    return call;
  }

  /** The call was refused: it has done nothing and will do nothing. */
  public void refused(Name name, Call call) {
    calls.get(name).remove(call);
    List<Call> made = puts.get(name);
    if (made != null) {
      made.remove(call);
    }
  }

  /** Adds a read that lies between two moments. */
  public void read(String who, Name name, long start, long target, long time) {
    Call call = new Call(who, Call.Kind.READ, target, time, start);
    call.succeed(time, moment());
    calls.computeIfAbsent(name, n -> new ArrayList<>()).add(call);
  }

  /** Everything that may have made an edge of the name. */
  public List<Call> puts(Name name) {
    return puts.getOrDefault(name, List.of());
  }

  /** Names of which some order was looked for in vain but not to the end. */
  public long undecided() {
    return undecided;
  }

  /**
   * Ends an epoch.
   *
   * @param found what every name leads to now; names that lead to nothing are left out
   * @return what is wrong, empty if nothing is
   */
  public List<String> close(Map<Name, State> found) {
    List<String> problems = new ArrayList<>();
    Map<Name, State> all = new TreeMap<>(NAMES);
    initial.keySet().forEach(name -> all.put(name, State.NOTHING));
    calls.keySet().forEach(name -> all.put(name, State.NOTHING));
    all.putAll(found);
    all.forEach(
        (name, state) -> {
          List<Call> list = calls.getOrDefault(name, new ArrayList<>());
          Call last = new Call("the end", Call.Kind.READ, state.target(), state.time(), moment());
          last.succeed(state.time(), moment());
          list.add(last);
          State before = initial.getOrDefault(name, State.NOTHING);
          switch (Linearizability.check(before, list)) {
            case YES -> {}
            case NO -> problems.add(describe(name, before, list));
            case UNDECIDED -> undecided++;
          }
        });
    calls.clear();
    initial.clear();
    initial.putAll(found);
    return problems;
  }

  /** The order in which names are looked at: the same in every run. */
  static final java.util.Comparator<Name> NAMES =
      java.util.Comparator.comparingLong(Name::directory).thenComparing(Name::text);

  private static String describe(Name name, State before, List<Call> list) {
    StringBuilder text = new StringBuilder("no order explains the answers about " + name + ":");
    text.append("\n    before: ").append(before);
    list.stream()
        .sorted(java.util.Comparator.comparingLong(Call::start))
        .forEach(call -> text.append("\n    ").append(call));
    return text.toString();
  }
}
