package org.eggsfs.shard.state;

import static org.eggsfs.shard.state.Harness.NO_INFO;
import static org.eggsfs.shard.state.Harness.bytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.Arrays;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.*;
import org.eggsfs.store.MapView;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The requests of shard.md sections 9, 10 and 10a that concern names, inodes and spans of existing
 * files: checks in order, effects, and what a repeat gets.
 */
class NamesAndCollectionTest {
  private static final long ROOT = InodeIds.ROOT;
  private final Harness shard = new Harness(0, 2);

  @AfterEach
  void soundAndReplayable() {
    shard.assertSound();
    assertEquals(Harness.dump(shard.store), shard.replay());
  }

  private ConstructFileResponse linked(long directory, String name) throws EggsException {
    ConstructFileResponse file = shard.construct();
    shard.link(file, directory, name);
    return file;
  }

  private List<Edge> history(long directory, String name) throws EggsException {
    int flags = FullReadDirFlags.BACKWARDS | FullReadDirFlags.SAME_NAME | FullReadDirFlags.CURRENT;
    return ((FullReadDirResponse)
            shard.read(new FullReadDirRequest(directory, flags, bytes(name), 0, 0, 0)))
        .results();
  }

  private SameDirectoryRenameRequest rename(long file, String from, long created, String to) {
    return new SameDirectoryRenameRequest(file, ROOT, bytes(from), created, bytes(to));
  }

  @Test
  void rename() throws EggsException {
    long file = linked(ROOT, "old").id();
    long created = shard.lookup(ROOT, "old").creationTime();
    shard.fails(
        ErrorCode.TYPE_IS_NOT_DIRECTORY,
        new SameDirectoryRenameRequest(file, file, bytes("a"), 0, bytes("a")));
    shard.fails(ErrorCode.SAME_SOURCE_AND_DESTINATION, rename(file, "old", created, "old"));
    shard.fails(ErrorCode.BAD_NAME, rename(file, "old", created, "a/b"));
    shard.fails(
        ErrorCode.BAD_SHARD,
        new SameDirectoryRenameRequest(file, ROOT + 1, bytes("a"), 0, bytes("b")));
    shard.fails(
        ErrorCode.DIRECTORY_NOT_FOUND,
        new SameDirectoryRenameRequest(file, shard.directory(5), bytes("a"), created, bytes("b")));
    shard.fails(ErrorCode.EDGE_NOT_FOUND, rename(file, "none", created, "new"));
    shard.fails(ErrorCode.MISMATCHING_TARGET, rename(file + 0x100, "old", created, "new"));
    shard.fails(ErrorCode.MISMATCHING_CREATION_TIME, rename(file, "old", created + 1, "new"));
    long renamed =
        ((SameDirectoryRenameResponse) shard.write(rename(file, "old", created, "new")))
            .newCreationTime();
    assertEquals(new LookupResponse(file, renamed), shard.lookup(ROOT, "new"));
    shard.fails(ErrorCode.EDGE_NOT_FOUND, rename(file, "old", created, "new"));
    // What clients look for after a repeat: [deletion, snapshot that owns nothing].
    List<Edge> past = history(ROOT, "old");
    assertEquals(2, past.size());
    assertEquals(InodeIds.NULL, past.get(0).targetId());
    assertEquals(renamed, past.get(0).creationTime());
    assertEquals(file, past.get(1).targetId());
    assertEquals(created, past.get(1).creationTime());
  }

  @Test
  void renameOverAFileKeepsItAsOwnedSnapshot() throws EggsException {
    long file = linked(ROOT, "a").id();
    long victim = linked(ROOT, "b").id();
    shard.write(rename(file, "a", shard.lookup(ROOT, "a").creationTime(), "b"));
    assertEquals(file, shard.lookup(ROOT, "b").targetId());
    assertEquals(InodeIds.withExtra(victim, true), history(ROOT, "b").get(1).targetId());
    shard.failsRead(ErrorCode.NAME_NOT_FOUND, new LookupRequest(ROOT, bytes("a")));
  }

  private static SameDirectoryRenameNoReplaceRequest renameNoReplace(
      long file, String from, long created, String to) {
    return new SameDirectoryRenameNoReplaceRequest(file, ROOT, bytes(from), created, bytes(to));
  }

  @Test
  void renameThatReplacesNothing() throws EggsException {
    long file = linked(ROOT, "a").id();
    long created = shard.lookup(ROOT, "a").creationTime();
    LookupResponse rival = linkedEdge("b");
    shard.fails(
        ErrorCode.TYPE_IS_NOT_DIRECTORY,
        new SameDirectoryRenameNoReplaceRequest(file, file, bytes("a"), 0, bytes("c")));
    shard.fails(ErrorCode.SAME_SOURCE_AND_DESTINATION, renameNoReplace(file, "a", created, "a"));
    shard.fails(ErrorCode.BAD_NAME, renameNoReplace(file, "a", created, ".."));
    shard.fails(
        ErrorCode.BAD_SHARD,
        new SameDirectoryRenameNoReplaceRequest(file, ROOT + 1, bytes("a"), 0, bytes("c")));
    shard.fails(ErrorCode.CANNOT_OVERRIDE_NAME, renameNoReplace(file, "a", created, "b"));
    assertEquals(rival, shard.lookup(ROOT, "b"));
    assertEquals(new LookupResponse(file, created), shard.lookup(ROOT, "a"));
    // The error of the old name comes first.
    shard.fails(ErrorCode.EDGE_NOT_FOUND, renameNoReplace(file, "none", created, "b"));
    long renamed =
        ((SameDirectoryRenameNoReplaceResponse)
                shard.write(renameNoReplace(file, "a", created, "c")))
            .newCreationTime();
    assertEquals(new LookupResponse(file, renamed), shard.lookup(ROOT, "c"));
    // A repeat is refused as one of SameDirectoryRename is, not because of its own new name.
    shard.fails(ErrorCode.EDGE_NOT_FOUND, renameNoReplace(file, "a", created, "c"));
    assertEquals(created, history(ROOT, "a").get(1).creationTime());
    // A name that was used once is free.
    shard.write(renameNoReplace(file, "c", renamed, "a"));
    assertEquals(file, shard.lookup(ROOT, "a").targetId());
  }

  private LookupResponse linkedEdge(String name) throws EggsException {
    linked(ROOT, name);
    return shard.lookup(ROOT, name);
  }

  @Test
  void unlinkAndUndelete() throws EggsException {
    long file = linked(ROOT, "f").id();
    long created = shard.lookup(ROOT, "f").creationTime();
    shard.fails(
        ErrorCode.TYPE_IS_NOT_DIRECTORY,
        new SoftUnlinkFileRequest(file, file, bytes("f"), created));
    shard.fails(
        ErrorCode.TYPE_IS_DIRECTORY, new SoftUnlinkFileRequest(ROOT, ROOT, bytes("f"), created));
    shard.fails(
        ErrorCode.BAD_SHARD, new SoftUnlinkFileRequest(ROOT + 1, file, bytes("f"), created));
    SoftUnlinkFileRequest unlink = new SoftUnlinkFileRequest(ROOT, file, bytes("f"), created);
    long deleted = ((SoftUnlinkFileResponse) shard.write(unlink)).deleteCreationTime();
    shard.fails(ErrorCode.EDGE_NOT_FOUND, unlink);
    assertEquals(deleted, history(ROOT, "f").getFirst().creationTime());
    assertEquals(InodeIds.withExtra(file, true), history(ROOT, "f").get(1).targetId());

    shard.fails(ErrorCode.BAD_NAME, undelete(file, "f", created, ".."));
    shard.fails(ErrorCode.EDGE_NOT_FOUND, undelete(file, "f", created + 1, "f"));
    shard.fails(ErrorCode.MISMATCHING_TARGET, undelete(file + 0x100, "f", created, "f"));
    shard.write(undelete(file, "f", created, "f"));
    shard.fails(ErrorCode.EDGE_NOT_OWNED, undelete(file, "f", created, "f"));
    assertEquals(file, shard.lookup(ROOT, "f").targetId());
  }

  private static SameDirectoryRenameSnapshotRequest undelete(
      long file, String from, long created, String to) {
    return new SameDirectoryRenameSnapshotRequest(file, ROOT, bytes(from), created, bytes(to));
  }

  @Test
  void lockedEdges() throws EggsException {
    long directory = shard.makeDirectory(1);
    long foreign = InodeIds.of(InodeIds.FILE, 9, 7);
    byte[] name = bytes("n");
    shard.failsSigned(
        ErrorCode.TYPE_IS_NOT_DIRECTORY,
        new CreateLockedCurrentEdgeRequest(foreign, name, foreign, 0));
    shard.failsSigned(
        ErrorCode.BAD_SHARD, new CreateLockedCurrentEdgeRequest(ROOT + 1, name, foreign, 0));
    shard.failsSigned(
        ErrorCode.BAD_NAME, new CreateLockedCurrentEdgeRequest(directory, bytes("."), foreign, 0));
    shard.failsSigned(
        ErrorCode.MALFORMED_REQUEST,
        new CreateLockedCurrentEdgeRequest(directory, name, InodeIds.NULL, 0));
    shard.failsSigned(
        ErrorCode.MISMATCHING_CREATION_TIME,
        new CreateLockedCurrentEdgeRequest(directory, name, foreign, 5));
    CreateLockedCurrentEdgeRequest create =
        new CreateLockedCurrentEdgeRequest(directory, name, foreign, 0);
    long created = ((CreateLockedCurrentEdgeResponse) shard.signed(create)).creationTime();
    // A repeat that looked again succeeds with the same time; one that did not is told to.
    shard.failsSigned(ErrorCode.MISMATCHING_CREATION_TIME, create);
    assertEquals(
        new CreateLockedCurrentEdgeResponse(created),
        shard.signed(new CreateLockedCurrentEdgeRequest(directory, name, foreign, created)));
    shard.failsSigned(
        ErrorCode.MISMATCHING_TARGET,
        new CreateLockedCurrentEdgeRequest(directory, name, foreign + 0x100, created));
    assertEquals(foreign, shard.lookup(directory, "n").targetId());
    ConstructFileResponse file = shard.construct();
    Harness.assertError(ErrorCode.NAME_IS_LOCKED, () -> shard.link(file, directory, "n"));
    shard.fails(
        ErrorCode.EDGE_IS_LOCKED, new SoftUnlinkFileRequest(directory, foreign, name, created));

    shard.failsSigned(
        ErrorCode.EDGE_NOT_FOUND,
        new UnlockCurrentEdgeRequest(directory, bytes("x"), created, foreign, false));
    shard.failsSigned(
        ErrorCode.MISMATCHING_CREATION_TIME,
        new UnlockCurrentEdgeRequest(directory, name, created + 1, foreign, false));
    shard.failsSigned(
        ErrorCode.MISMATCHING_TARGET,
        new UnlockCurrentEdgeRequest(directory, name, created, foreign + 0x100, false));
    UnlockCurrentEdgeRequest unlock =
        new UnlockCurrentEdgeRequest(directory, name, created, foreign, false);
    shard.signed(unlock);
    shard.signed(unlock);
    // W10: the delayed duplicate of the creation finds the edge newer than it knew.
    shard.failsSigned(ErrorCode.MISMATCHING_CREATION_TIME, create);

    shard.failsSigned(
        ErrorCode.EDGE_NOT_FOUND,
        new LockCurrentEdgeRequest(directory, foreign, created, bytes("x")));
    shard.failsSigned(
        ErrorCode.MISMATCHING_CREATION_TIME,
        new LockCurrentEdgeRequest(directory, foreign, created + 1, name));
    shard.failsSigned(
        ErrorCode.MISMATCHING_CREATION_TIME,
        new LockCurrentEdgeRequest(directory, foreign + 0x100, created, name));
    LockCurrentEdgeRequest lock = new LockCurrentEdgeRequest(directory, foreign, created, name);
    shard.signed(lock);
    shard.signed(lock);
    UnlockCurrentEdgeRequest moved =
        new UnlockCurrentEdgeRequest(directory, name, created, foreign, true);
    shard.signed(moved);
    shard.failsSigned(ErrorCode.EDGE_NOT_FOUND, moved);
    assertEquals(2, history(directory, "n").size());
    assertEquals(foreign, history(directory, "n").get(1).targetId());
  }

  /**
   * A copy of a request of the CDC that comes after its transaction has ended does nothing, also
   * when nobody remembers it and another has succeeded or failed since.
   */
  @Test
  void lateRequestsOfTheCdcAreRefused() throws EggsException {
    long directory = shard.makeDirectory(1);
    long foreign = InodeIds.of(InodeIds.FILE, 9, 7);
    byte[] name = bytes("n");
    CreateLockedCurrentEdgeRequest create =
        new CreateLockedCurrentEdgeRequest(directory, name, foreign, 0);
    long created = ((CreateLockedCurrentEdgeResponse) shard.placed(10, create)).creationTime();
    UnlockCurrentEdgeRequest unlock =
        new UnlockCurrentEdgeRequest(directory, name, created, foreign, false);
    shard.placed(11, unlock);
    LockCurrentEdgeRequest lock = new LockCurrentEdgeRequest(directory, foreign, created, name);
    Harness.assertError(ErrorCode.MTIME_IS_TOO_RECENT, () -> shard.placed(11, lock));
    Harness.assertError(ErrorCode.MTIME_IS_TOO_RECENT, () -> shard.placed(9, lock));
    // Nothing is locked.
    shard.write(new SoftUnlinkFileRequest(directory, foreign, name, created));
    // One that fails has its place too: it could succeed later.
    SetDirectoryOwnerRequest owner = new SetDirectoryOwnerRequest(directory, ROOT);
    Harness.assertError(ErrorCode.EDGE_NOT_FOUND, () -> shard.placed(20, lock));
    Harness.assertError(ErrorCode.MTIME_IS_TOO_RECENT, () -> shard.placed(19, owner));
    shard.placed(21, owner);
    // TernFS's CDC has other ids.
    shard.signed(owner);
    Harness.assertError(ErrorCode.MTIME_IS_TOO_RECENT, () -> shard.placed(21, owner));
  }

  @Test
  void placesAreTimes() {
    long now = 1_700_000_000_000_000_000L;
    long hour = 3_600_000_000_000L;
    assertEquals(now - 5, RequestOrder.of(now - 5, now));
    assertEquals(now + hour, RequestOrder.of(now + hour, now));
    assertEquals(RequestOrder.NONE, RequestOrder.of(now + hour + 1, now));
    assertEquals(RequestOrder.NONE, RequestOrder.of(now - hour - 1, now));
    assertEquals(RequestOrder.NONE, RequestOrder.of(-now, now));
    assertEquals(RequestOrder.NONE, RequestOrder.of(Long.MIN_VALUE, now));
    assertEquals(RequestOrder.NONE, RequestOrder.of(Long.MAX_VALUE, now));
  }

  @Test
  void nothingOverridesADirectory() throws EggsException {
    long child = shard.makeDirectory(1);
    CreateLockedCurrentEdgeRequest create =
        new CreateLockedCurrentEdgeRequest(ROOT, bytes("d"), child, 0);
    long created = ((CreateLockedCurrentEdgeResponse) shard.signed(create)).creationTime();
    shard.signed(new UnlockCurrentEdgeRequest(ROOT, bytes("d"), created, child, false));
    ConstructFileResponse file = shard.construct();
    Harness.assertError(ErrorCode.CANNOT_OVERRIDE_NAME, () -> shard.link(file, ROOT, "d"));
    long other = shard.makeDirectory(2);
    shard.failsSigned(
        ErrorCode.CANNOT_OVERRIDE_NAME,
        new CreateLockedCurrentEdgeRequest(ROOT, bytes("d"), other, created));
    shard.failsSigned(
        ErrorCode.MISMATCHING_CREATION_TIME,
        new CreateLockedCurrentEdgeRequest(ROOT, bytes("d"), other, created - 1));
    // A directory may be renamed, though not over anything.
    linked(ROOT, "f");
    shard.fails(ErrorCode.CANNOT_OVERRIDE_NAME, rename(child, "d", created, "f"));
    shard.write(rename(child, "d", created, "e"));
    assertEquals(child, shard.lookup(ROOT, "e").targetId());
  }

  @Test
  void directoryLife() throws EggsException {
    long id = shard.directory(1);
    long other = shard.directory(2);
    shard.failsSigned(ErrorCode.BAD_SHARD, new CreateDirectoryInodeRequest(id + 1, ROOT, NO_INFO));
    shard.failsSigned(
        ErrorCode.TYPE_IS_NOT_DIRECTORY,
        new CreateDirectoryInodeRequest(id, InodeIds.NULL, NO_INFO));
    CreateDirectoryInodeRequest create = new CreateDirectoryInodeRequest(id, ROOT, NO_INFO);
    ShardResponse made = shard.signed(create);
    assertEquals(made, shard.signed(create));
    shard.failsSigned(
        ErrorCode.MISMATCHING_OWNER, new CreateDirectoryInodeRequest(id, other, NO_INFO));
    shard.signed(new SetDirectoryOwnerRequest(id, other));
    shard.failsSigned(
        ErrorCode.CANNOT_REMOVE_ROOT_DIRECTORY, new SetDirectoryOwnerRequest(ROOT, other));
    DirectoryInfo full = Policies.defaults();
    shard.failsSigned(
        ErrorCode.CANNOT_REMOVE_ROOT_DIRECTORY, new RemoveDirectoryOwnerRequest(ROOT, full));
    shard.failsSigned(ErrorCode.BAD_DIRECTORY_INFO, new RemoveDirectoryOwnerRequest(id, NO_INFO));
    long file = linked(id, "f").id();
    shard.failsSigned(ErrorCode.DIRECTORY_NOT_EMPTY, new RemoveDirectoryOwnerRequest(id, full));
    long created = shard.lookup(id, "f").creationTime();
    long deleted =
        ((SoftUnlinkFileResponse)
                shard.write(new SoftUnlinkFileRequest(id, file, bytes("f"), created)))
            .deleteCreationTime();
    shard.fails(ErrorCode.NOT_AUTHORISED, new RemoveInodeRequest(id));
    shard.failsSigned(ErrorCode.DIRECTORY_HAS_OWNER, new RemoveInodeRequest(id));
    shard.failsSigned(ErrorCode.CANNOT_REMOVE_ROOT_DIRECTORY, new RemoveInodeRequest(ROOT));
    shard.signed(new RemoveDirectoryOwnerRequest(id, full));
    shard.signed(new RemoveDirectoryOwnerRequest(id, full));
    // A removed directory does not come back by a late duplicate, and takes no new names.
    shard.failsSigned(ErrorCode.MISMATCHING_OWNER, create);
    shard.failsRead(ErrorCode.DIRECTORY_NOT_FOUND, new LookupRequest(id, bytes("f")));
    Harness.assertError(
        ErrorCode.DIRECTORY_NOT_FOUND, () -> shard.link(shard.construct(), id, "g"));
    shard.fails(ErrorCode.BAD_DIRECTORY_INFO, new SetDirectoryInfoRequest(id, NO_INFO));
    assertEquals(
        InodeIds.NULL, ((StatDirectoryResponse) shard.read(new StatDirectoryRequest(id))).owner());
    shard.failsSigned(ErrorCode.DIRECTORY_NOT_EMPTY, new RemoveInodeRequest(id));

    // Collection.
    shard.fails(
        ErrorCode.EDGE_NOT_FOUND, new RemoveNonOwnedEdgeRequest(id, file, bytes("f"), created));
    shard.fails(
        ErrorCode.FILE_NOT_FOUND,
        new SameShardHardFileUnlinkRequest(id, file + 0x10000, bytes("f"), created));
    shard.fails(
        ErrorCode.EDGE_NOT_FOUND,
        new SameShardHardFileUnlinkRequest(id, file, bytes("f"), deleted));
    shard.fails(
        ErrorCode.DIRECTORY_NOT_FOUND,
        new SameShardHardFileUnlinkRequest(other, file, bytes("f"), created));
    long bystander = linked(ROOT, "bystander").id();
    shard.fails(
        ErrorCode.MISMATCHING_TARGET,
        new SameShardHardFileUnlinkRequest(id, bystander, bytes("f"), created));
    SameShardHardFileUnlinkRequest hard =
        new SameShardHardFileUnlinkRequest(id, file, bytes("f"), created);
    shard.write(hard);
    shard.write(hard);
    RemoveNonOwnedEdgeRequest forget =
        new RemoveNonOwnedEdgeRequest(id, InodeIds.NULL, bytes("f"), deleted);
    shard.write(forget);
    shard.write(forget);
    shard.signed(new RemoveInodeRequest(id));
    shard.signed(new RemoveInodeRequest(id));
    shard.failsRead(ErrorCode.DIRECTORY_NOT_FOUND, new StatDirectoryRequest(id));
    shard.write(new RemoveInodeRequest(file));
    shard.failsRead(ErrorCode.FILE_NOT_FOUND, new StatTransientFileRequest(file));
  }

  @Test
  void crossShardRemovalKeepsWhatDoesNotMatch() throws EggsException {
    long file = linked(ROOT, "f").id();
    long created = shard.lookup(ROOT, "f").creationTime();
    shard.write(new SoftUnlinkFileRequest(ROOT, file, bytes("f"), created));
    RemoveOwnedSnapshotFileEdgeRequest wrong =
        new RemoveOwnedSnapshotFileEdgeRequest(ROOT, file + 0x100, bytes("f"), created);
    LogEntry entry = shard.prepare(wrong, true);
    MapView copy = shard.store.copy();
    ApplyResult result = shard.state.apply(copy, copy, 1000, entry);
    assertNotNull(result.alert());
    shard.signed(wrong);
    assertEquals(2, history(ROOT, "f").size());
    RemoveOwnedSnapshotFileEdgeRequest right =
        new RemoveOwnedSnapshotFileEdgeRequest(ROOT, file, bytes("f"), created);
    shard.signed(right);
    shard.signed(right);
    assertEquals(1, history(ROOT, "f").size());
    shard.failsSigned(
        ErrorCode.FILE_NOT_FOUND, new MakeFileTransientRequest(file + 0x10000, bytes("n")));
    MakeFileTransientRequest free = new MakeFileTransientRequest(file, bytes("n"));
    shard.signed(free);
    shard.signed(free);
    shard.write(new RemoveInodeRequest(file));
    shard.failsSigned(ErrorCode.FILE_NOT_FOUND, free);
  }

  /** A condemned edge keeps its file, and can only be removed. */
  @Test
  void condemnedEdges() throws EggsException {
    long file = InodeIds.of(InodeIds.FILE, 9, 7);
    shard.signed(new CreateLockedCurrentEdgeRequest(ROOT, bytes("f"), file, 0));
    long created = shard.lookup(ROOT, "f").creationTime();
    shard.signed(new UnlockCurrentEdgeRequest(ROOT, bytes("f"), created, file, false));
    CondemnEdgeRequest condemn = new CondemnEdgeRequest(ROOT, file, bytes("f"), created);
    shard.failsSigned(ErrorCode.EDGE_NOT_FOUND, condemn);
    shard.write(new SoftUnlinkFileRequest(ROOT, file, bytes("f"), created));
    List<Edge> before = history(ROOT, "f");

    shard.fails(ErrorCode.NOT_AUTHORISED, condemn);
    shard.failsSigned(
        ErrorCode.TYPE_IS_NOT_DIRECTORY, new CondemnEdgeRequest(file, file, bytes("f"), created));
    shard.failsSigned(
        ErrorCode.BAD_SHARD, new CondemnEdgeRequest(ROOT + 1, file, bytes("f"), created));
    shard.failsSigned(
        ErrorCode.TYPE_IS_DIRECTORY, new CondemnEdgeRequest(ROOT, ROOT, bytes("f"), created));
    shard.failsSigned(
        ErrorCode.DIRECTORY_NOT_FOUND,
        new CondemnEdgeRequest(ROOT + 0x100, file, bytes("f"), created));
    shard.failsSigned(
        ErrorCode.EDGE_NOT_FOUND, new CondemnEdgeRequest(ROOT, file, bytes("f"), created + 1));
    shard.failsSigned(
        ErrorCode.MISMATCHING_TARGET,
        new CondemnEdgeRequest(ROOT, file + 0x100, bytes("f"), created));
    shard.signed(condemn);
    assertEquals(before, history(ROOT, "f"), "listed as before");
    shard.signed(condemn);

    shard.fails(ErrorCode.EDGE_NOT_FOUND, undelete(file, "f", created, "f"));
    shard.fails(
        ErrorCode.EDGE_NOT_FOUND, new RemoveNonOwnedEdgeRequest(ROOT, file, bytes("f"), created));
    shard.signed(new RemoveOwnedSnapshotFileEdgeRequest(ROOT, file + 0x100, bytes("f"), created));
    assertEquals(before, history(ROOT, "f"));
    RemoveOwnedSnapshotFileEdgeRequest remove =
        new RemoveOwnedSnapshotFileEdgeRequest(ROOT, file, bytes("f"), created);
    shard.signed(remove);
    shard.signed(remove);
    shard.failsSigned(ErrorCode.EDGE_NOT_FOUND, condemn);
    assertEquals(before.subList(0, 1), history(ROOT, "f"));
  }

  @Test
  void aFileThatWasBroughtBackIsNotCondemned() throws EggsException {
    long file = linked(ROOT, "f").id();
    long created = shard.lookup(ROOT, "f").creationTime();
    shard.write(new SoftUnlinkFileRequest(ROOT, file, bytes("f"), created));
    shard.write(undelete(file, "f", created, "back"));
    CondemnEdgeRequest condemn = new CondemnEdgeRequest(ROOT, file, bytes("f"), created);
    shard.failsSigned(ErrorCode.EDGE_NOT_OWNED, condemn);
    shard.write(new RemoveNonOwnedEdgeRequest(ROOT, file, bytes("f"), created));
    shard.failsSigned(ErrorCode.EDGE_NOT_FOUND, condemn);
    assertEquals(file, shard.lookup(ROOT, "back").targetId());
  }

  /** The directory is removed by then as a rule; and a condemned edge keeps it like any other. */
  @Test
  void edgesOfARemovedDirectoryAreCondemned() throws EggsException {
    long directory = shard.makeDirectory(1);
    long file = linked(directory, "f").id();
    long created = shard.lookup(directory, "f").creationTime();
    shard.write(new SoftUnlinkFileRequest(directory, file, bytes("f"), created));
    shard.signed(new RemoveDirectoryOwnerRequest(directory, Policies.defaults()));
    shard.signed(new CondemnEdgeRequest(directory, file, bytes("f"), created));
    shard.failsSigned(ErrorCode.DIRECTORY_NOT_EMPTY, new RemoveInodeRequest(directory));
  }

  /** Rows that no CDC has condemned are byte for byte what they were. */
  @Test
  void onlyACondemnedEdgeIsStoredDifferently() throws EggsException {
    long file = linked(ROOT, "f").id();
    long created = shard.lookup(ROOT, "f").creationTime();
    shard.write(new SoftUnlinkFileRequest(ROOT, file, bytes("f"), created));
    byte[] key = EdgesTable.snapshotKey(0, ROOT, bytes("f"), created);
    byte[] before = shard.store.get(key);
    assertEquals(9, before.length);
    assertEquals(new EdgesTable.Snapshot(file, true), EdgesTable.decodeSnapshot(before));
    shard.signed(new CondemnEdgeRequest(ROOT, file, bytes("f"), created));
    byte[] after = shard.store.get(key);
    assertArrayEquals(before, Arrays.copyOf(after, before.length));
    assertEquals(new EdgesTable.Snapshot(file, true, true), EdgesTable.decodeSnapshot(after));
  }

  private static long[] ids(List<AddSpanInitiateBlockInfo> blocks) {
    return blocks.stream().mapToLong(AddSpanInitiateBlockInfo::blockId).toArray();
  }

  private static boolean shareService(
      List<AddSpanInitiateBlockInfo> blocks, long service, int except) {
    for (int i = 0; i < blocks.size(); i++) {
      if (i != except && blocks.get(i).blockServiceId() == service) {
        return true;
      }
    }
    return false;
  }

  @Test
  void swapBlocks() throws EggsException {
    ConstructFileResponse one = shard.construct();
    ConstructFileResponse two = shard.construct();
    List<AddSpanInitiateBlockInfo> blocks1 = shard.addSpan(one, 0, 1);
    // The same bytes on quite other services.
    List<BlacklistEntry> blacklist =
        blocks1.stream().map(b -> new BlacklistEntry(b.blockServiceFailureDomain(), 0)).toList();
    AddSpanInitiateRequest same = Harness.span(two, 0, 1, 1);
    List<AddSpanInitiateBlockInfo> blocks2 =
        ((AddSpanInitiateResponse)
                shard.write(
                    new AddSpanInitiateRequest(
                        same.fileId(),
                        same.cookie(),
                        0,
                        same.size(),
                        same.crc(),
                        same.storageClass(),
                        blacklist,
                        same.parity(),
                        1,
                        4096,
                        same.crcs())))
            .blocks();
    long block1 = blocks1.getFirst().blockId();
    long block2 = blocks2.getFirst().blockId();
    SwapBlocksRequest swap = new SwapBlocksRequest(one.id(), 0, block1, two.id(), 0, block2);
    shard.fails(ErrorCode.TYPE_IS_DIRECTORY, new SwapBlocksRequest(ROOT, 0, 0, two.id(), 0, 0));
    shard.fails(ErrorCode.BAD_SHARD, new SwapBlocksRequest(one.id() + 1, 0, 0, two.id(), 0, 0));
    shard.fails(
        ErrorCode.SAME_SOURCE_AND_DESTINATION,
        new SwapBlocksRequest(one.id(), 0, block1, one.id(), 0, block1));
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND,
        new SwapBlocksRequest(one.id(), 4096, block1, two.id(), 0, block2));
    // Span 2 is not certified yet (W11).
    shard.fails(ErrorCode.SWAP_BLOCKS_MISMATCHING_STATE, swap);
    shard.write(shard.certify(two, 0, blocks2));
    shard.fails(
        ErrorCode.BLOCK_NOT_FOUND,
        new SwapBlocksRequest(one.id(), 0, block1 + 0x100_0000, two.id(), 0, block2));
    shard.fails(
        ErrorCode.SWAP_BLOCKS_MISMATCHING_CRC,
        new SwapBlocksRequest(one.id(), 0, block1, two.id(), 0, blocks2.get(1).blockId()));
    shard.write(swap);
    shard.assertSound();
    shard.write(swap);
    // Now span 1 holds the service of block 2; a third span on span 2's old services collides.
    ConstructFileResponse three = shard.construct();
    AddSpanInitiateRequest again = Harness.span(three, 0, 1, 1);
    AddSpanInitiateRequestBody body =
        new AddSpanInitiateRequestBody(
            again.fileId(),
            again.cookie(),
            0,
            again.size(),
            again.crc(),
            again.storageClass(),
            List.of(),
            again.parity(),
            1,
            4096,
            again.crcs());
    List<AddSpanInitiateBlockInfo> blocks3 =
        ((AddSpanInitiateWithReferenceResponse)
                shard.write(new AddSpanInitiateWithReferenceRequest(body, one.id())))
            .resp()
            .blocks();
    shard.write(shard.certify(three, 0, blocks3));
    assertEquals(blocks2.getFirst().blockServiceId(), blocks3.getFirst().blockServiceId());
    // Span 2 now has block 1 and its own blocks 2 and 3; span 3 shares block services 2, 3 of one.
    assertEquals(false, shareService(blocks3, blocks2.getFirst().blockServiceId(), 0));
    shard.write(
        new SwapBlocksRequest(three.id(), 0, blocks3.getFirst().blockId(), one.id(), 0, block2));
    // A leader that knows no failure domains cannot tell: try again.
    BlockServices known = shard.services;
    shard.services = BlockServices.EMPTY;
    shard.fails(
        ErrorCode.BLOCK_NOT_FOUND,
        new SwapBlocksRequest(
            one.id(), 0, blocks1.get(1).blockId(), two.id(), 0, blocks2.get(1).blockId()));
    shard.services = known;
    shard.write(Harness.inline(one, 8192, "tail"));
    shard.fails(
        ErrorCode.SWAP_BLOCKS_INLINE_STORAGE,
        new SwapBlocksRequest(one.id(), 8192, 1, two.id(), 0, block2));
  }

  @Test
  void swapBlocksKeepsServicesApart() throws EggsException {
    // Equal cells, so that any two blocks could be exchanged as far as their bytes go.
    ConstructFileResponse one = shard.construct();
    ConstructFileResponse two = shard.construct();
    shard.services = Harness.services(3, 0);
    AddSpanInitiateRequest request1 = mirrored(one);
    AddSpanInitiateRequest request2 = mirrored(two);
    List<AddSpanInitiateBlockInfo> blocks1 =
        ((AddSpanInitiateResponse) shard.write(request1)).blocks();
    List<AddSpanInitiateBlockInfo> blocks2 =
        ((AddSpanInitiateResponse) shard.write(request2)).blocks();
    AddSpanInitiateBlockInfo out = blocks1.getFirst();
    for (AddSpanInitiateBlockInfo in : blocks2) {
      SwapBlocksRequest swap =
          new SwapBlocksRequest(one.id(), 0, out.blockId(), two.id(), 0, in.blockId());
      if (in.blockServiceId() == out.blockServiceId()) {
        shard.write(swap);
      } else {
        // Only three services: whatever comes in is there already.
        shard.fails(ErrorCode.SWAP_BLOCKS_DUPLICATE_BLOCK_SERVICE, swap);
      }
      if (in.blockServiceId() == out.blockServiceId()) {
        shard.write(new SwapBlocksRequest(one.id(), 0, in.blockId(), two.id(), 0, out.blockId()));
      }
    }
  }

  /** Three copies of one page. */
  private static AddSpanInitiateRequest mirrored(ConstructFileResponse file) {
    return new AddSpanInitiateRequest(
        file.id(),
        file.cookie(),
        0,
        4096,
        77,
        org.eggsfs.protocol.StorageClass.FLASH,
        List.of(),
        org.eggsfs.core.Parity.of(1, 2),
        1,
        4096,
        new int[] {77, 77, 77});
  }

  @Test
  void swapSpans() throws EggsException {
    ConstructFileResponse one = shard.construct();
    ConstructFileResponse two = shard.construct();
    long[] ids1 = ids(shard.addSpan(one, 0, 1));
    List<AddSpanInitiateBlockInfo> blocks2 = shard.initiate(two, 0, 1);
    long[] ids2 = ids(blocks2);
    SwapSpansRequest swap = new SwapSpansRequest(one.id(), 0, ids1, two.id(), 0, ids2);
    shard.fails(ErrorCode.SWAP_SPANS_NOT_CLEAN, swap);
    shard.write(shard.certify(two, 0, blocks2));
    shard.fails(
        ErrorCode.SWAP_SPANS_MISMATCHING_BLOCKS,
        new SwapSpansRequest(one.id(), 0, ids1, two.id(), 0, new long[2]));
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND, new SwapSpansRequest(one.id(), 4096, ids1, two.id(), 0, ids2));
    ConstructFileResponse other = shard.construct();
    long[] idsOther = ids(shard.addSpan(other, 0, 2));
    shard.fails(
        ErrorCode.SWAP_SPANS_MISMATCHING_CRC,
        new SwapSpansRequest(one.id(), 0, ids1, other.id(), 0, idsOther));
    shard.write(Harness.inline(other, 8192, "tail"));
    shard.fails(
        ErrorCode.SWAP_SPANS_INLINE_STORAGE,
        new SwapSpansRequest(one.id(), 0, ids1, other.id(), 8192, idsOther));
    shard.write(swap);
    shard.write(swap);
    shard.assertSound();
    shard.link(one, ROOT, "one");
    LocalFileSpansResponse listed =
        (LocalFileSpansResponse) shard.read(new LocalFileSpansRequest(one.id(), 0, 0, 0));
    FetchedBlocksSpan body = (FetchedBlocksSpan) listed.spans().getFirst().body();
    assertEquals(ids2[0], body.blocks().getFirst().blockId());
  }

  @Test
  void addSpanLocation() throws EggsException {
    ConstructFileResponse file = shard.construct();
    shard.addSpan(file, 0, 1);
    shard.link(file, ROOT, "f");
    ConstructFileResponse scratch = shard.construct();
    AddSpanInitiateRequest request = Harness.span(scratch, 0, 1, 1);
    List<AddSpanInitiateBlockInfo> remote =
        ((AddSpanAtLocationInitiateResponse)
                shard.write(
                    new AddSpanAtLocationInitiateRequest(
                        1,
                        new AddSpanInitiateWithReferenceRequestBody(
                            new AddSpanInitiateRequestBody(
                                request.fileId(),
                                request.cookie(),
                                0,
                                request.size(),
                                request.crc(),
                                request.storageClass(),
                                List.of(),
                                request.parity(),
                                1,
                                4096,
                                request.crcs()),
                            InodeIds.NULL))))
            .resp()
            .blocks();
    AddSpanLocationRequest add =
        new AddSpanLocationRequest(scratch.id(), 0, ids(remote), file.id(), 0);
    shard.fails(ErrorCode.LAST_SPAN_STATE_NOT_CLEAN, add);
    shard.write(shard.certify(scratch, 0, remote));
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND,
        new AddSpanLocationRequest(scratch.id(), 0, new long[3], file.id(), 0));
    shard.write(add);
    shard.assertSound();
    shard.write(add);
    FileSpansResponse listed =
        (FileSpansResponse) shard.read(new FileSpansRequest(file.id(), 0, 0, 0));
    assertEquals(2, ((FetchedLocations) listed.spans().getFirst().body()).locations().size());
    // The local listing shows the default location alone.
    LocalFileSpansResponse local =
        (LocalFileSpansResponse) shard.read(new LocalFileSpansRequest(file.id(), 0, 0, 0));
    assertEquals(3, local.blockServices().size());
    // The same location once more; and a span that is not the last (W26).
    ConstructFileResponse more = shard.construct();
    long[] ids = ids(shard.addSpan(more, 0, 1));
    shard.fails(
        ErrorCode.ADD_SPAN_LOCATION_EXISTS,
        new AddSpanLocationRequest(more.id(), 0, ids, file.id(), 0));
    // Swapping a span of two locations with one of one would lose a copy (W25).
    long[] all =
        ((FetchedLocations) listed.spans().getFirst().body())
            .locations().stream()
                .flatMap(l -> l.blocks().stream())
                .mapToLong(FetchedBlock::blockId)
                .toArray();
    shard.fails(
        ErrorCode.SWAP_SPANS_MISMATCHING_BLOCKS,
        new SwapSpansRequest(file.id(), 0, all, more.id(), 0, ids));
    // Erasing covers all locations.
    shard.write(
        new SoftUnlinkFileRequest(
            ROOT, file.id(), bytes("f"), shard.lookup(ROOT, "f").creationTime()));
    long created = history(ROOT, "f").get(1).creationTime();
    shard.write(new SameShardHardFileUnlinkRequest(ROOT, file.id(), bytes("f"), created));
    RemoveSpanInitiateResponse removal =
        (RemoveSpanInitiateResponse)
            shard.write(new RemoveSpanInitiateRequest(file.id(), file.cookie()));
    assertEquals(6, removal.blocks().size());
    List<BlockProof> proofs = Harness.eraseProofs(removal.blocks());
    shard.fails(
        ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS,
        new RemoveSpanCertifyRequest(file.id(), file.cookie(), 0, proofs.subList(0, 3)));
    shard.write(new RemoveSpanCertifyRequest(file.id(), file.cookie(), 0, proofs));
    assertEquals(
        new RemoveZeroBlockServiceFilesResponse(0, 0, 0),
        shard.write(new RemoveZeroBlockServiceFilesRequest(0, 0)));
  }

  @Test
  void policies() throws EggsException {
    shard.fails(ErrorCode.TYPE_IS_NOT_DIRECTORY, new SetDirectoryInfoRequest(0, NO_INFO));
    shard.fails(ErrorCode.BAD_SHARD, new SetDirectoryInfoRequest(ROOT + 1, NO_INFO));
    // The root must have all four.
    shard.fails(ErrorCode.BAD_DIRECTORY_INFO, new SetDirectoryInfoRequest(ROOT, NO_INFO));
    shard.write(new SetDirectoryInfoRequest(ROOT, Policies.defaults()));
    long directory = shard.makeDirectory(1);
    for (DirectoryInfoEntry bad :
        List.of(
            entry(1, "00"),
            entry(2, "0000"),
            entry(2, "010000100000", "40"),
            entry(2, "0100001000004000"),
            entry(2, "01000110000042"),
            entry(3, "0000"),
            entry(3, "01000400000000"),
            entry(3, "0200030000000002", "00000000"),
            entry(4, "00000000"))) {
      shard.fails(
          ErrorCode.BAD_DIRECTORY_INFO,
          new SetDirectoryInfoRequest(directory, new DirectoryInfo(List.of(bad))));
    }
    DirectoryInfoEntry stripe = entry(4, "00001000");
    shard.fails(
        ErrorCode.BAD_DIRECTORY_INFO,
        new SetDirectoryInfoRequest(directory, new DirectoryInfo(List.of(stripe, stripe))));
    DirectoryInfoEntry large = new DirectoryInfoEntry(200, new byte[255]);
    DirectoryInfo tooLarge =
        new DirectoryInfo(
            List.of(
                large,
                new DirectoryInfoEntry(201, new byte[255]),
                new DirectoryInfoEntry(202, new byte[255]),
                new DirectoryInfoEntry(203, new byte[255])));
    shard.fails(ErrorCode.BAD_DIRECTORY_INFO, new SetDirectoryInfoRequest(directory, tooLarge));
    DirectoryInfo good = new DirectoryInfo(List.of(large, stripe));
    shard.write(new SetDirectoryInfoRequest(directory, good));
    assertEquals(
        good, ((StatDirectoryResponse) shard.read(new StatDirectoryRequest(directory))).info());
  }

  private static DirectoryInfoEntry entry(int tag, String... hex) {
    return new DirectoryInfoEntry(tag, java.util.HexFormat.of().parseHex(String.join("", hex)));
  }

  @Test
  void defaultPolicies() {
    String text = "";
    for (DirectoryInfoEntry entry : Policies.defaults().entries()) {
      text += entry.tag() + ":" + java.util.HexFormat.of().formatHex(entry.body()) + " ";
    }
    assertEquals(
        "1:00004207693509800000 "
            + "3:020003000000000200202600 "
            + "2:0a00"
            + "0010000041"
            + "0020000042"
            + "0030000043"
            + "0040000044"
            + "0050000045"
            + "0060000046"
            + "0070000047"
            + "0080000048"
            + "0090000049"
            + "0060a3014a "
            + "4:00001000 ",
        text);
  }
}
