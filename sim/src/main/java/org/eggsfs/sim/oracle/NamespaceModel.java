package org.eggsfs.sim.oracle;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.sim.oracle.Linearizability.State;

/**
 * What a file system for one user would do: a tree of names. While one client is alone its answers
 * can be foretold exactly, errors included, whatever befalls servers and links meanwhile.
 *
 * <p>Each question says what the operation must be answered with, null for success; each change is
 * told afterwards, with the time that the answer gave the edge.
 */
public final class NamespaceModel {
  private final Map<Long, TreeMap<String, State>> directories = new HashMap<>();
  private final Map<Long, Long> parents = new HashMap<>();

  /** The tree that these names make; of the directories only those that have one, and the root. */
  public NamespaceModel(Map<Name, State> names) {
    directories.put(InodeIds.ROOT, new TreeMap<>());
    names.forEach(
        (name, state) -> {
          if (InodeIds.isDirectory(state.target())) {
            directories.put(state.target(), new TreeMap<>());
            parents.put(state.target(), name.directory());
          }
        });
    names.forEach((name, state) -> directories.get(name.directory()).put(name.text(), state));
  }

  /** All names. */
  public Map<Name, State> names() {
    Map<Name, State> names = new TreeMap<>(History.NAMES);
    directories.forEach(
        (directory, entries) ->
            entries.forEach((text, state) -> names.put(new Name(directory, text), state)));
    return names;
  }

  /** What a name leads to, or nothing. */
  public State get(Name name) {
    TreeMap<String, State> entries = directories.get(name.directory());
    return entries == null ? State.NOTHING : entries.getOrDefault(name.text(), State.NOTHING);
  }

  /** Whether the directory has a name, or is the root. */
  public boolean isThere(long directory) {
    return directories.containsKey(directory);
  }

  /** Of a file or directory that gets a name. */
  public ErrorCode put(Name name, long target) {
    if (!isThere(name.directory())) {
      return ErrorCode.DIRECTORY_NOT_FOUND;
    }
    State there = get(name);
    boolean fits =
        there.target() == 0
            || (!InodeIds.isDirectory(there.target()) && !InodeIds.isDirectory(target));
    return fits ? null : ErrorCode.CANNOT_OVERRIDE_NAME;
  }

  /** Of a file or directory that gets a name that must be new. */
  public ErrorCode putNew(Name name, long target) {
    ErrorCode error = put(name, target);
    return error == null && get(name).target() != 0 ? ErrorCode.CANNOT_OVERRIDE_NAME : error;
  }

  /** Of a request that names an edge with what it leads to and when it was made. */
  public ErrorCode find(Name name, State edge) {
    if (!isThere(name.directory())) {
      return ErrorCode.DIRECTORY_NOT_FOUND;
    }
    State there = get(name);
    if (there.target() == 0) {
      return ErrorCode.EDGE_NOT_FOUND;
    }
    if (there.target() != edge.target()) {
      return ErrorCode.MISMATCHING_TARGET;
    }
    return there.equals(edge) ? null : ErrorCode.MISMATCHING_CREATION_TIME;
  }

  /** Of a rename, within a directory or between two. */
  public ErrorCode move(Name from, State edge, Name to, boolean replace) {
    // The coordinator looks at the tree above the new place before it looks at the old one.
    if (InodeIds.isDirectory(edge.target()) && from.directory() != to.directory()) {
      if (isBelow(to.directory(), edge.target())) {
        return ErrorCode.LOOP_IN_DIRECTORY_RENAME;
      }
      if (!isThere(to.directory())) {
        return ErrorCode.NEW_DIRECTORY_NOT_FOUND;
      }
    }
    ErrorCode missing = find(from, edge);
    if (missing != null) {
      return missing;
    }
    return replace ? put(to, edge.target()) : putNew(to, edge.target());
  }

  private boolean isBelow(long directory, long above) {
    Long at = directory;
    while (at != null && at != above) {
      at = parents.get(at);
    }
    return at != null;
  }

  /** Of the removal of a directory. */
  public ErrorCode removeDirectory(Name name, State edge) {
    // The coordinator knows where the directory is, and does not ask elsewhere.
    Long parent = parents.get(edge.target());
    if (isThere(name.directory()) && parent != null && parent != name.directory()) {
      return ErrorCode.EDGE_NOT_FOUND;
    }
    ErrorCode missing = find(name, edge);
    if (missing != null) {
      return missing;
    }
    return directories.get(edge.target()).isEmpty() ? null : ErrorCode.DIRECTORY_NOT_EMPTY;
  }

  /** A name was given. */
  public void gave(Name name, State edge) {
    directories.get(name.directory()).put(name.text(), edge);
    if (InodeIds.isDirectory(edge.target())) {
      directories.putIfAbsent(edge.target(), new TreeMap<>());
      parents.put(edge.target(), name.directory());
    }
  }

  /** A name was taken away. */
  public void took(Name name) {
    directories.get(name.directory()).remove(name.text());
  }

  /** A directory was removed. */
  public void removed(long directory) {
    directories.remove(directory);
    parents.remove(directory);
  }
}
