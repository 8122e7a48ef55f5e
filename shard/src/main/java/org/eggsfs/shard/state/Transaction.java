package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.KeyValueStore.Change;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * One entry being applied, and the procedures that several requests share (shard.md section 5).
 * Reads see the state before the entry; writes are kept aside until {@link #commit}, so an entry
 * that fails is dropped by not committing it.
 */
final class Transaction implements WriteTarget {
  /** The state before the entry. */
  final View view;

  final int shard;

  /** Time of the entry. */
  final long time;

  private final CbcMac cookieKey;
  private final List<Change> changes = new ArrayList<>();

  /** Pending changes of block counts, at most one per (service, file). */
  private final List<BlockCount> blockCounts = new ArrayList<>();

  private static final class BlockCount {
    final long service;
    final long file;
    long delta;

    BlockCount(long service, long file) {
      this.service = service;
      this.file = file;
    }
  }

  Transaction(View view, int shard, CbcMac cookieKey, long time) {
    this.view = view;
    this.shard = shard;
    this.cookieKey = cookieKey;
    this.time = time;
  }

  @Override
  public void put(byte[] key, byte[] value) {
    changes.add(new Change(key, value));
  }

  @Override
  public void delete(byte[] key) {
    changes.add(new Change(key, null));
  }

  /** Hands all writes over, later ones last. */
  void commit(WriteTarget target) {
    for (BlockCount count : blockCounts) {
      if (count.delta != 0) {
        long before = BlockServiceFilesTable.get(view, shard, count.service, count.file);
        BlockServiceFilesTable.put(this, shard, count.service, count.file, before + count.delta);
      }
    }
    for (Change change : changes) {
      if (change.value() == null) {
        target.delete(change.key());
      } else {
        target.put(change.key(), change.value());
      }
    }
  }

  long cookie(long file) {
    return Certificates.cookie(cookieKey, file);
  }

  // Directories.

  /** GetDir of shard.md section 5. */
  DirectoriesTable.Row getDirectory(long id, boolean allowSnapshot) throws EggsException {
    return Lookups.directory(view, shard, id, allowSnapshot);
  }

  /** TouchDir without the write, for the request that removes the row. */
  DirectoriesTable.Row checkTouchDirectory(long id, boolean allowSnapshot) throws EggsException {
    DirectoriesTable.Row row = getDirectory(id, allowSnapshot);
    if (row.mtime() >= time) {
      throw new EggsException(ErrorCode.MTIME_IS_TOO_RECENT);
    }
    return row.withMtime(time);
  }

  /** TouchDir of shard.md section 5. */
  DirectoriesTable.Row touchDirectory(long id, boolean allowSnapshot) throws EggsException {
    DirectoriesTable.Row row = checkTouchDirectory(id, allowSnapshot);
    DirectoriesTable.put(this, shard, row);
    return row;
  }

  // Files.

  /** GetTransient of shard.md section 5. */
  TransientTable.Row getTransient(long id, boolean allowPastDeadline) throws EggsException {
    Checks.fileOrSymlink(id);
    TransientTable.Row row = TransientTable.get(view, shard, id);
    if (row == null || (!allowPastDeadline && time > row.deadline)) {
      throw new EggsException(ErrorCode.FILE_NOT_FOUND);
    }
    return row;
  }

  /** TouchTransient of shard.md section 5 for a writer: not past the deadline, and it moves on. */
  TransientTable.Row touchTransient(long id, long newDeadline) throws EggsException {
    TransientTable.Row row = touch(getTransient(id, false));
    row.deadline = newDeadline;
    return row;
  }

  /** TouchTransient for anyone else: also past the deadline, which stays. */
  TransientTable.Row touchTransientPastDeadline(long id) throws EggsException {
    return touch(getTransient(id, true));
  }

  private TransientTable.Row touch(TransientTable.Row row) throws EggsException {
    if (row.mtime >= time) {
      throw new EggsException(ErrorCode.MTIME_IS_TOO_RECENT);
    }
    row.mtime = time;
    return row;
  }

  void put(TransientTable.Row row) {
    TransientTable.put(this, shard, row);
  }

  /** Moves a linked file to the transient ones; its deadline is the entry's time. */
  void makeTransient(long id, FilesTable.Row file, long deadline, byte[] note) {
    delete(FilesTable.key(shard, id));
    put(new TransientTable.Row(id, file.size(), time, deadline, SpanState.CLEAN, note));
  }

  /** SpanState of shard.md section 5, by the logical end of the span (W11). */
  SpanState spanState(long file, long spanEnd) {
    TransientTable.Row row = TransientTable.get(view, shard, file);
    return row != null && row.size == spanEnd ? row.lastSpanState : SpanState.CLEAN;
  }

  // Edges.

  /** The newest snapshot edge of exactly that name: its creation time, 0 when there is none. */
  private long newestSnapshotTime(long directory, byte[] name) {
    byte[] prefix = EdgesTable.nameKey(shard, directory, EdgesTable.SNAPSHOT, name);
    try (Cursor cursor = view.cursor(prefix)) {
      cursor.seekForPrev(EdgesTable.snapshotKey(shard, directory, name, -1));
      return cursor.isValid() && Bytes.hasPrefix(cursor.key(), prefix, prefix.length)
          ? EdgesTable.snapshotTime(cursor.key())
          : 0;
    }
  }

  /** CreateCurrentEdge of shard.md section 5, unlocked. Returns the creation time. */
  long createEdge(long directory, byte[] name, long target) throws EggsException {
    return createEdge(directory, name, target, false, 0);
  }

  /**
   * CreateCurrentEdge of shard.md section 5, locked: the newest edge of the name must be the one of
   * {@code oldCreationTime}, else a delayed duplicate would lock an edge again (W10).
   */
  long createLockedEdge(long directory, byte[] name, long target, long oldCreationTime)
      throws EggsException {
    return createEdge(directory, name, target, true, oldCreationTime);
  }

  private long createEdge(
      long directory, byte[] name, long target, boolean locked, long oldCreationTime)
      throws EggsException {
    touchDirectory(directory, false);
    EdgesTable.Current existing = EdgesTable.current(view, shard, directory, name);
    long creationTime = time;
    if (existing == null) {
      long newest = newestSnapshotTime(directory, name);
      if (newest >= time) {
        throw new EggsException(ErrorCode.MORE_RECENT_SNAPSHOT_EDGE);
      }
      if (locked && newest != oldCreationTime) {
        throw new EggsException(ErrorCode.MISMATCHING_CREATION_TIME);
      }
    } else if (existing.locked()) {
      if (!locked) {
        throw new EggsException(ErrorCode.NAME_IS_LOCKED);
      }
      if (existing.target() != target) {
        throw new EggsException(ErrorCode.MISMATCHING_TARGET);
      }
      if (existing.creationTime() != oldCreationTime) {
        throw new EggsException(ErrorCode.MISMATCHING_CREATION_TIME);
      }
      creationTime = existing.creationTime();
    } else {
      if (existing.creationTime() >= time) {
        throw new EggsException(ErrorCode.MORE_RECENT_CURRENT_EDGE);
      }
      if (locked && existing.creationTime() != oldCreationTime) {
        throw new EggsException(ErrorCode.MISMATCHING_CREATION_TIME);
      }
      if (InodeIds.isDirectory(target) || InodeIds.isDirectory(existing.target())) {
        throw new EggsException(ErrorCode.CANNOT_OVERRIDE_NAME);
      }
      EdgesTable.putSnapshot(
          this,
          shard,
          directory,
          name,
          existing.creationTime(),
          new EdgesTable.Snapshot(existing.target(), true));
    }
    EdgesTable.putCurrent(
        this, shard, directory, name, new EdgesTable.Current(target, locked, creationTime));
    return creationTime;
  }

  /** SoftUnlinkCurrentEdge of shard.md section 5. */
  void softUnlink(long directory, byte[] name, long creationTime, long target, boolean owned)
      throws EggsException {
    touchDirectory(directory, false);
    requireCurrent(directory, name, creationTime, target);
    retireEdge(directory, name, creationTime, target, owned);
  }

  /** The name must have exactly this edge, which nobody is changing. */
  private void requireCurrent(long directory, byte[] name, long creationTime, long target)
      throws EggsException {
    EdgesTable.Current existing = EdgesTable.current(view, shard, directory, name);
    if (existing == null) {
      throw new EggsException(ErrorCode.EDGE_NOT_FOUND);
    }
    if (existing.target() != target) {
      throw new EggsException(ErrorCode.MISMATCHING_TARGET);
    }
    if (existing.creationTime() != creationTime) {
      throw new EggsException(ErrorCode.MISMATCHING_CREATION_TIME);
    }
    if (existing.locked()) {
      throw new EggsException(ErrorCode.EDGE_IS_LOCKED);
    }
  }

  /**
   * CreateCurrentEdge of shard.md section 5, unlocked, where the name has to have exactly this edge
   * now, checked as by {@link #softUnlink}. Returns the creation time.
   */
  long replaceEdge(
      long directory, byte[] name, long replacedTarget, long replacedCreationTime, long target)
      throws EggsException {
    checkTouchDirectory(directory, false);
    requireCurrent(directory, name, replacedCreationTime, replacedTarget);
    return createEdge(directory, name, target);
  }

  /** Turns a current edge into a snapshot edge and records that the name ended now. */
  void retireEdge(long directory, byte[] name, long creationTime, long target, boolean owned) {
    delete(EdgesTable.currentKey(shard, directory, name));
    EdgesTable.putSnapshot(
        this, shard, directory, name, creationTime, new EdgesTable.Snapshot(target, owned));
    EdgesTable.putSnapshot(
        this, shard, directory, name, time, new EdgesTable.Snapshot(InodeIds.NULL, false));
  }

  // Blocks.

  /** Adds {@code delta} per block to the index of the file. */
  void countBlocks(long file, Span span, int delta) {
    for (Span.Location location : span.locations()) {
      for (long service : location.services()) {
        countBlock(service, file, delta);
      }
    }
  }

  void countBlock(long service, long file, int delta) {
    for (BlockCount count : blockCounts) {
      if (count.service == service && count.file == file) {
        count.delta += delta;
        return;
      }
    }
    BlockCount count = new BlockCount(service, file);
    count.delta = delta;
    blockCounts.add(count);
  }
}
