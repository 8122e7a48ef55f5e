package org.eggsfs.sim.client;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.NameHash;
import org.eggsfs.sim.kernel.SimRandom;
import org.eggsfs.sim.oracle.Linearizability.State;
import org.eggsfs.sim.oracle.Name;

/** What the clients know together: directories, names that may be used, edges once seen. */
public final class Knowledge {
  /** Names in each directory: enough for two pages of a listing. */
  private static final int NAMES = 40;

  /** Half of all choices fall on these, so that clients meet. */
  private static final int HOT_NAMES = 5;

  private static final int NAME_SIZE_MAX = 90;

  /** Directories in use at a time. */
  private static final int DIRECTORIES_MAX = 12;

  private static final int SEEN_MAX = 64;

  /** An edge as somebody has seen it once. */
  record Seen(long directory, String name, long target, long time) {
    State state() {
      return new State(target, time);
    }
  }

  /** A move of a directory. */
  record Move(Seen edge, long into) {}

  private static final List<String> ALL_NAMES = names();
  private static final Map<String, Long> HASHES = hashes();

  private final SimRandom random;
  private final List<Long> directories = new ArrayList<>(List.of(InodeIds.ROOT));
  private final List<Seen> seen = new ArrayList<>();
  private final List<Seen> seenDirectories = new ArrayList<>();

  private final List<Name> changing = new ArrayList<>();

  private Move lastMove;

  /** Edges that a collector has asked to remove. */
  private final Set<CollectedEdge> collected = new HashSet<>();

  private record CollectedEdge(Name name, long time) {}

  /** Knows the root. */
  public Knowledge(SimRandom random) {
    this.random = random;
  }

  private static List<String> names() {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < NAMES; i++) {
      names.add("n" + i + "-" + "x".repeat(i < HOT_NAMES ? i : i * 53 % NAME_SIZE_MAX));
    }
    return List.copyOf(names);
  }

  private static Map<String, Long> hashes() {
    Map<String, Long> hashes = new HashMap<>();
    for (String name : ALL_NAMES) {
      hashes.put(name, NameHash.hash(bytes(name)));
    }
    return hashes;
  }

  static byte[] bytes(String name) {
    return name.getBytes(StandardCharsets.US_ASCII);
  }

  static String text(byte[] name) {
    return new String(name, StandardCharsets.US_ASCII);
  }

  /** All names that are ever used. */
  static List<String> allNames() {
    return ALL_NAMES;
  }

  static long hash(String name) {
    return HASHES.get(name);
  }

  String name() {
    return ALL_NAMES.get(random.nextInt(random.nextInt(2) == 0 ? HOT_NAMES : NAMES));
  }

  /** The root more often than others, so that its listing has pages. */
  long directory() {
    return random.nextInt(4) == 0
        ? InodeIds.ROOT
        : directories.get(random.nextInt(directories.size()));
  }

  /** All directories in use. */
  public List<Long> directories() {
    return List.copyOf(directories);
  }

  void madeDirectory(long id) {
    if (!directories.contains(id)) {
      if (directories.size() == DIRECTORIES_MAX) {
        directories.remove(1 + random.nextInt(DIRECTORIES_MAX - 1));
      }
      directories.add(id);
    }
  }

  void removedDirectory(long id) {
    // It stays known for a while, so that somebody uses it although it is gone.
    if (random.nextInt(2) == 0) {
      directories.remove(id);
    }
  }

  void saw(Seen edge) {
    remember(seen, edge);
    if (InodeIds.isDirectory(edge.target)) {
      remember(seenDirectories, edge);
    }
  }

  private void remember(List<Seen> list, Seen edge) {
    if (list.size() < SEEN_MAX) {
      list.add(edge);
    } else {
      list.set(random.nextInt(SEEN_MAX), edge);
    }
  }

  /** An edge of former times, or null. */
  Seen remembered() {
    return seen.isEmpty() ? null : seen.get(random.nextInt(seen.size()));
  }

  /** An edge that led to a directory once, or null. */
  Seen rememberedDirectory() {
    return seenDirectories.isEmpty()
        ? null
        : seenDirectories.get(random.nextInt(seenDirectories.size()));
  }

  /** Somebody moves a directory into another one. */
  void moves(Seen edge, long into) {
    lastMove = new Move(edge, into);
  }

  /** The last move the other way round, which would close a loop if both were made; or null. */
  Move inverseMove() {
    Move last = lastMove;
    if (last != null) {
      for (Seen edge : seenDirectories) {
        if (edge.target == last.into && edge.directory != last.edge.target) {
          return new Move(edge, last.edge.target);
        }
      }
    }
    return null;
  }

  /** Somebody has asked for a change of a name and not been answered yet. */
  void changes(Name name) {
    changing.add(name);
  }

  /** One who has changed the name has his answer. */
  void changed(Name name) {
    changing.remove(name);
  }

  /** A name that somebody is changing, or null. */
  Name changing() {
    return changing.isEmpty() ? null : changing.get(random.nextInt(changing.size()));
  }

  void collects(long directory, String name, long time) {
    collected.add(new CollectedEdge(new Name(directory, name), time));
  }

  /** Whether a collector may have removed the edge. */
  public boolean isCollected(Name name, long time) {
    return collected.contains(new CollectedEdge(name, time));
  }
}
