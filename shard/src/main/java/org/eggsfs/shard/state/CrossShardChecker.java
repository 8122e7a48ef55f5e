package org.eggsfs.shard.state;

import java.util.function.LongConsumer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.View;

/**
 * Checks what must hold between all shards together while no CDC transaction runs (shard.md section
 * 17, P14 to P16). Feed it every shard with {@link #add}, then ask {@link #finish}. Memory: some
 * forty bytes per inode.
 */
public final class CrossShardChecker {
  private static final long LINKED = 1;
  private static final long TRANSIENT = 2;
  private static final int OWNERS_SHIFT = 2;

  /** Not in a table; no id is like that. */
  public static final long ABSENT = -1;

  private final Findings findings;

  /** File id to its state bits and, above them, the number of owning edges. */
  private final LongMap files = new LongMap();

  /** Directory id to its owner. */
  private final LongMap owners = new LongMap();

  /** Directory id to the directory of the last current edge seen, and how many were seen. */
  private final LongMap parents = new LongMap();

  private final LongMap parentCounts = new LongMap();

  /** A checker that has seen no shard. */
  public CrossShardChecker(Findings findings) {
    this.findings = findings;
  }

  private static String id(long id) {
    return InodeIds.format(id);
  }

  /** Takes in one shard. */
  public void add(View view, int shard) {
    walk(view, shard, Keys.FILES, (key, value) -> mark(Keys.first(key), LINKED));
    walk(view, shard, Keys.TRANSIENT, (key, value) -> mark(Keys.first(key), TRANSIENT));
    walk(
        view,
        shard,
        Keys.DIRECTORIES,
        (key, value) -> {
          long id = Keys.first(key);
          owners.put(id, new DirectoriesTable.Row(id, value).owner());
        });
    walk(view, shard, Keys.EDGES, this::addEdge);
  }

  private interface RowVisitor {
    void visit(byte[] key, byte[] value);
  }

  private static void walk(View view, int shard, int table, RowVisitor visitor) {
    byte[] prefix = Keys.start(shard, table, Keys.PREFIX);
    try (Cursor cursor = view.cursor()) {
      cursor.seek(prefix);
      while (cursor.isValid() && Bytes.hasPrefix(cursor.key(), prefix, prefix.length)) {
        visitor.visit(cursor.key(), cursor.value());
        cursor.next();
      }
    }
  }

  private void mark(long file, long bit) {
    files.put(file, files.get(file, 0) | bit);
  }

  private void addEdge(byte[] key, byte[] value) {
    long targetExtra = EdgesTable.targetExtra(value);
    long target = InodeIds.withoutExtra(targetExtra);
    boolean flag = InodeIds.extra(targetExtra);
    boolean current = EdgesTable.isCurrent(key);
    if (current && flag) {
      findings.add("P16", "an edge of " + id(EdgesTable.directory(key)) + " is locked");
    }
    if (!current && EdgesTable.isCondemned(value)) {
      findings.add("P16", "an edge of " + id(EdgesTable.directory(key)) + " is condemned");
    }
    if (InodeIds.isDirectory(target)) {
      if (current) {
        parents.put(target, EdgesTable.directory(key));
        parentCounts.add(target, 1);
      }
    } else if (current || flag) {
      files.add(target, 1L << OWNERS_SHIFT);
    }
  }

  /** Draws the conclusions once every shard was added. */
  public void finish() {
    files.forEachKey(this::checkFile);
    owners.forEachKey(this::checkDirectory);
    parents.forEachKey(
        target ->
            findings.require(
                owners.contains(target), "P14", id(target) + " has a name but does not exist"));
    checkTree();
  }

  /** The owner of a directory, {@link #ABSENT} if there is no such directory. */
  public long ownerOf(long directory) {
    return owners.get(directory, ABSENT);
  }

  /** Visits all directories, removed ones included. */
  public void forEachDirectory(LongConsumer visitor) {
    owners.forEachKey(visitor);
  }

  private void checkFile(long file) {
    long state = files.get(file, 0);
    long owningEdges = state >>> OWNERS_SHIFT;
    if ((state & LINKED) != 0) {
      findings.require(
          owningEdges == 1, "P14", id(file) + " is linked and has " + owningEdges + " owners");
    } else if ((state & TRANSIENT) != 0) {
      findings.require(
          owningEdges == 0, "P14", id(file) + " is transient and has " + owningEdges + " owners");
    } else {
      findings.add("P14", id(file) + " has " + owningEdges + " owners but does not exist");
    }
  }

  private void checkDirectory(long directory) {
    long owner = owners.get(directory, InodeIds.NULL);
    long edges = parentCounts.get(directory, 0);
    if (owner == InodeIds.NULL) {
      findings.require(edges == 0, "P15", id(directory) + " has no owner but " + edges + " names");
    } else {
      findings.require(
          edges == 1 && parents.get(directory, ABSENT) == owner,
          "P15",
          id(directory) + " has owner " + id(owner) + " and " + edges + " names, not one in it");
    }
  }

  /** Every directory with an owner leads up to the root. */
  private void checkTree() {
    // Directory id to the round in which it was passed; one of an earlier round is known good, or
    // was reported.
    LongMap passed = new LongMap();
    long[] round = {0};
    owners.forEachKey(
        start -> {
          round[0]++;
          long at = start;
          while (at != InodeIds.NULL && !passed.contains(at)) {
            passed.put(at, round[0]);
            long owner = owners.get(at, ABSENT);
            if (owner == ABSENT) {
              findings.add("P15", id(at) + " is an owner but does not exist");
              return;
            }
            at = owner;
          }
          findings.require(
              at == InodeIds.NULL || passed.get(at, 0) < round[0],
              "P15",
              id(start) + " lies in a loop of directories");
        });
  }
}
