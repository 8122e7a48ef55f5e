package org.eggsfs.shard.state;

import static org.eggsfs.shard.state.Harness.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.Edge;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Goal: a file takes another one's place only where that one still is, and looks like it. Method:
 * everything that can happen to the name meanwhile, and what a repeat gets. After each test the
 * tables must be sound and a replay of the log must give the same tables.
 */
class LinkFileOverTest {
  private static final String NAME = "n";
  private static final long MTIME = 1_234_567_890_123_456_789L;
  private static final long ATIME = 1_334_567_890_123_456_789L;

  private final Harness shard = new Harness(0, 1);
  private ConstructFileResponse old;
  private long oldTime;
  private ConstructFileResponse copy;

  @BeforeEach
  void anOldFileAndItsCopy() throws EggsException {
    old = shard.construct();
    shard.write(Harness.inline(old, 0, "hello"));
    oldTime = shard.link(old, InodeIds.ROOT, NAME);
    set(old.id(), MTIME, ATIME);
    copy = shard.construct();
    shard.write(Harness.inline(copy, 0, "hello"));
  }

  @AfterEach
  void soundAndReplayable() {
    shard.assertSound();
    assertEquals(Harness.dump(shard.store), shard.replay());
  }

  private void set(long file, long mtime, long atime) throws EggsException {
    shard.write(new SetTimeRequest(file, mtime | Long.MIN_VALUE, atime | Long.MIN_VALUE));
  }

  private LinkFileOverRequest over(long replaced, long creationTime) {
    return new LinkFileOverRequest(
        copy.id(), copy.cookie(), InodeIds.ROOT, bytes(NAME), replaced, creationTime, 1, 2);
  }

  private LinkFileOverRequest over() {
    return over(old.id(), oldTime);
  }

  private long write(LinkFileOverRequest request) throws EggsException {
    return ((LinkFileOverResponse) shard.write(request)).creationTime();
  }

  private StatFileResponse stat(long file) throws EggsException {
    return (StatFileResponse) shard.read(new StatFileRequest(file));
  }

  /** All edges of the name: snapshots by age, then the current one. */
  private List<Edge> edges(String name) throws EggsException {
    return ((FullReadDirResponse)
            shard.read(new FullReadDirRequest(InodeIds.ROOT, 4, bytes(name), 0, 0, 8972)))
        .results();
  }

  private void assertUntouched() throws EggsException {
    shard.read(new StatTransientFileRequest(copy.id()));
    shard.failsRead(ErrorCode.FILE_NOT_FOUND, new StatFileRequest(copy.id()));
  }

  @Test
  void checksInOrder() throws EggsException {
    long id = copy.id();
    long cookie = copy.cookie();
    long root = InodeIds.ROOT;
    byte[] name = bytes(NAME);
    long was = old.id();
    shard.fails(
        ErrorCode.TYPE_IS_NOT_DIRECTORY,
        new LinkFileOverRequest(root, 0, was, bytes("/"), root, 0, -1, -1));
    shard.fails(
        ErrorCode.BAD_SHARD,
        new LinkFileOverRequest(root, 0, root + 1, bytes("/"), root, 0, -1, -1));
    shard.fails(
        ErrorCode.BAD_SHARD, new LinkFileOverRequest(id + 1, 0, root, bytes("/"), root, 0, -1, -1));
    shard.fails(
        ErrorCode.TYPE_IS_DIRECTORY,
        new LinkFileOverRequest(root, 0, root, bytes("/"), root, 0, -1, -1));
    shard.fails(
        ErrorCode.BAD_COOKIE,
        new LinkFileOverRequest(id, cookie + 1, root, bytes("/"), root, 0, -1, -1));
    shard.fails(
        ErrorCode.BAD_NAME, new LinkFileOverRequest(id, cookie, root, bytes("/"), root, 0, -1, -1));
    shard.fails(
        ErrorCode.TYPE_IS_DIRECTORY,
        new LinkFileOverRequest(id, cookie, root, name, root, 0, -1, -1));
    shard.fails(
        ErrorCode.MALFORMED_REQUEST,
        new LinkFileOverRequest(id, cookie, root, name, was, oldTime, -1, 0));
    shard.fails(
        ErrorCode.MALFORMED_REQUEST,
        new LinkFileOverRequest(id, cookie, root, name, was, oldTime, 0, -1));
    shard.fails(
        ErrorCode.DIRECTORY_NOT_FOUND,
        new LinkFileOverRequest(id, cookie, shard.directory(9), name, was, oldTime, 0, 0));
    assertUntouched();
  }

  @Test
  void takesThePlaceAndTheTimes() throws EggsException {
    long created = write(over());
    LookupResponse found = shard.lookup(InodeIds.ROOT, NAME);
    assertEquals(copy.id(), found.targetId());
    assertEquals(created, found.creationTime());
    assertEquals(new StatFileResponse(MTIME, ATIME, 5), stat(copy.id()));
    List<Edge> edges = edges(NAME);
    assertEquals(2, edges.size());
    assertEquals(InodeIds.withExtra(old.id(), true), edges.getFirst().targetId());
    assertEquals(oldTime, edges.getFirst().creationTime());
    assertEquals(new StatFileResponse(MTIME, ATIME, 5), stat(old.id()));
    shard.failsRead(ErrorCode.FILE_NOT_FOUND, new StatTransientFileRequest(copy.id()));
  }

  @Test
  void timesThatWereSetMeanwhileCount() throws EggsException {
    LinkFileOverRequest request = over();
    set(old.id(), 5, 6);
    write(request);
    assertEquals(new StatFileResponse(5, 6, 5), stat(copy.id()));
  }

  @Test
  void timesOfAFileOfAnotherShardComeWithTheRequest() throws EggsException {
    // As a rename from a directory of another shard leaves it.
    long foreign = InodeIds.of(InodeIds.FILE, 7, 3);
    CreateLockedCurrentEdgeResponse locked =
        (CreateLockedCurrentEdgeResponse)
            shard.signed(
                new CreateLockedCurrentEdgeRequest(InodeIds.ROOT, bytes("away"), foreign, 0));
    shard.signed(
        new UnlockCurrentEdgeRequest(
            InodeIds.ROOT, bytes("away"), locked.creationTime(), foreign, false));
    write(
        new LinkFileOverRequest(
            copy.id(),
            copy.cookie(),
            InodeIds.ROOT,
            bytes("away"),
            foreign,
            locked.creationTime(),
            1,
            2));
    assertEquals(new StatFileResponse(1, 2, 5), stat(copy.id()));
    assertEquals(
        InodeIds.withExtra(foreign, true), edges("away").getFirst().targetId(), "an owner still");
  }

  @Test
  void aRepeatGetsTheSameAnswer() throws EggsException {
    long created = write(over());
    set(copy.id(), 8, 9);
    assertEquals(created, write(over()));
    assertEquals(new StatFileResponse(8, 9, 5), stat(copy.id()), "a repeat sets no times");
    assertEquals(2, edges(NAME).size());
    // And after the deadline that it had while it was transient.
    shard.now += 2 * Harness.INTERVAL;
    assertEquals(created, write(over()));
  }

  @Test
  void aRepeatDoesNotUndoWhatCameLater() throws EggsException {
    write(over());
    ConstructFileResponse newer = shard.construct();
    shard.link(newer, InodeIds.ROOT, NAME);
    shard.fails(ErrorCode.FILE_NOT_FOUND, over());
    assertEquals(newer.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
    assertEquals(3, edges(NAME).size());
  }

  @Test
  void aNameThatIsGoneStaysGone() throws EggsException {
    shard.write(new SoftUnlinkFileRequest(InodeIds.ROOT, old.id(), bytes(NAME), oldTime));
    shard.fails(ErrorCode.EDGE_NOT_FOUND, over());
    shard.failsRead(ErrorCode.NAME_NOT_FOUND, new LookupRequest(InodeIds.ROOT, bytes(NAME)));
    assertUntouched();
  }

  @Test
  void aNameThatWasNeverThereIsNotMade() throws EggsException {
    shard.fails(
        ErrorCode.EDGE_NOT_FOUND,
        new LinkFileOverRequest(
            copy.id(), copy.cookie(), InodeIds.ROOT, bytes("other"), old.id(), oldTime, 0, 0));
    assertUntouched();
  }

  @Test
  void aRenamedFileIsLeftAlone() throws EggsException {
    shard.write(
        new SameDirectoryRenameRequest(
            old.id(), InodeIds.ROOT, bytes(NAME), oldTime, bytes("moved")));
    shard.fails(ErrorCode.EDGE_NOT_FOUND, over());
    assertEquals(old.id(), shard.lookup(InodeIds.ROOT, "moved").targetId());
    assertUntouched();
  }

  @Test
  void aNewerVersionIsLeftAlone() throws EggsException {
    ConstructFileResponse newer = shard.construct();
    long newerTime = shard.link(newer, InodeIds.ROOT, NAME);
    shard.fails(ErrorCode.MISMATCHING_TARGET, over());
    shard.fails(ErrorCode.MISMATCHING_CREATION_TIME, over(newer.id(), oldTime));
    shard.fails(ErrorCode.MISMATCHING_TARGET, over(old.id(), newerTime));
    assertEquals(newer.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
    assertUntouched();
  }

  @Test
  void theSameFileUnderTheSameNameAgainIsAnotherEdge() throws EggsException {
    shard.write(
        new SameDirectoryRenameRequest(
            old.id(), InodeIds.ROOT, bytes(NAME), oldTime, bytes("moved")));
    LookupResponse moved = shard.lookup(InodeIds.ROOT, "moved");
    shard.write(
        new SameDirectoryRenameRequest(
            old.id(), InodeIds.ROOT, bytes("moved"), moved.creationTime(), bytes(NAME)));
    shard.fails(ErrorCode.MISMATCHING_CREATION_TIME, over());
    assertEquals(old.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
    assertUntouched();
  }

  @Test
  void aDirectoryAtTheNameStays() throws EggsException {
    shard.write(new SoftUnlinkFileRequest(InodeIds.ROOT, old.id(), bytes(NAME), oldTime));
    long directory = shard.makeDirectory(4);
    long newest = edges(NAME).getLast().creationTime();
    CreateLockedCurrentEdgeResponse locked =
        (CreateLockedCurrentEdgeResponse)
            shard.signed(
                new CreateLockedCurrentEdgeRequest(InodeIds.ROOT, bytes(NAME), directory, newest));
    shard.signed(
        new UnlockCurrentEdgeRequest(
            InodeIds.ROOT, bytes(NAME), locked.creationTime(), directory, false));
    shard.fails(ErrorCode.MISMATCHING_TARGET, over());
    shard.fails(ErrorCode.TYPE_IS_DIRECTORY, over(directory, locked.creationTime()));
    assertEquals(directory, shard.lookup(InodeIds.ROOT, NAME).targetId());
    assertUntouched();
  }

  @Test
  void aLockedEdgeIsRefusedUntilItIsUnlocked() throws EggsException {
    shard.signed(new LockCurrentEdgeRequest(InodeIds.ROOT, old.id(), oldTime, bytes(NAME)));
    shard.fails(ErrorCode.EDGE_IS_LOCKED, over());
    assertUntouched();
    shard.signed(
        new UnlockCurrentEdgeRequest(InodeIds.ROOT, bytes(NAME), oldTime, old.id(), false));
    write(over());
    assertEquals(copy.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
  }

  @Test
  void aCopyThatIsNotCompleteIsRefused() throws EggsException {
    ConstructFileResponse dirty = shard.construct();
    shard.initiate(dirty, 0, 1);
    shard.fails(
        ErrorCode.LAST_SPAN_STATE_NOT_CLEAN,
        new LinkFileOverRequest(
            dirty.id(), dirty.cookie(), InodeIds.ROOT, bytes(NAME), old.id(), oldTime, 0, 0));
    assertEquals(old.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
  }

  @Test
  void aCopyThatHasExpiredIsRefused() throws EggsException {
    shard.now += 2 * Harness.INTERVAL;
    shard.fails(ErrorCode.FILE_NOT_FOUND, over());
    assertEquals(old.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
    shard.read(new StatTransientFileRequest(copy.id()));
  }

  @Test
  void nothingHappensInARemovedDirectory() throws EggsException {
    long directory = shard.makeDirectory(5);
    shard.signed(new RemoveDirectoryOwnerRequest(directory, Policies.defaults()));
    shard.fails(
        ErrorCode.DIRECTORY_NOT_FOUND,
        new LinkFileOverRequest(
            copy.id(), copy.cookie(), directory, bytes(NAME), old.id(), oldTime, 0, 0));
    assertUntouched();
  }
}
