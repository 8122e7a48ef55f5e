package org.eggsfs.shard.state;

import static org.eggsfs.shard.state.Harness.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.BlockProof;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Goal: a file's last span, name and times become one thing: all of it or nothing. Method: files
 * whose last span waits for its proofs, each condition broken in turn, names that are free, taken,
 * locked, and what a repeat gets. After each test the tables must be sound and a replay of the log
 * must give the same tables.
 */
class CommitFileTest {
  private static final String NAME = "n";
  private static final long SET = Long.MIN_VALUE;

  private final Harness shard = new Harness(0, 1);
  private ConstructFileResponse file;
  private List<BlockProof> proofs;

  @BeforeEach
  void aFileWhoseBlocksAreWritten() throws EggsException {
    file = shard.construct();
    proofs = Harness.writeProofs(shard.initiate(file, 0, 0));
  }

  @AfterEach
  void soundAndReplayable() {
    shard.assertSound();
    assertEquals(Harness.dump(shard.store), shard.replay());
  }

  private CommitFileRequest commit(boolean mustBeNew, List<BlockProof> given) {
    return new CommitFileRequest(
        file.id(), file.cookie(), InodeIds.ROOT, bytes(NAME), mustBeNew, 0, 0, 0, given);
  }

  private long write(CommitFileRequest request) throws EggsException {
    return ((CommitFileResponse) shard.write(request)).creationTime();
  }

  private StatFileResponse stat() throws EggsException {
    return (StatFileResponse) shard.read(new StatFileRequest(file.id()));
  }

  private void assertUntouched() throws EggsException {
    shard.read(new StatTransientFileRequest(file.id()));
    shard.failsRead(ErrorCode.FILE_NOT_FOUND, new StatFileRequest(file.id()));
    // Its last span, too: it cannot be linked as it is.
    shard.fails(
        ErrorCode.LAST_SPAN_STATE_NOT_CLEAN,
        new LinkFileRequest(file.id(), file.cookie(), InodeIds.ROOT, bytes("other")));
  }

  @Test
  void checksInOrder() throws EggsException {
    long id = file.id();
    long root = InodeIds.ROOT;
    byte[] bad = bytes("/");
    List<BlockProof> none = List.of();
    shard.fails(
        ErrorCode.TYPE_IS_NOT_DIRECTORY,
        new CommitFileRequest(root, 0, id, bad, true, 0, 0, 0, none));
    shard.fails(
        ErrorCode.BAD_SHARD, new CommitFileRequest(root, 0, root + 1, bad, true, 0, 0, 0, none));
    shard.fails(
        ErrorCode.BAD_SHARD, new CommitFileRequest(id + 1, 0, root, bad, true, 0, 0, 0, none));
    shard.fails(
        ErrorCode.TYPE_IS_DIRECTORY,
        new CommitFileRequest(root, 0, root, bad, true, 0, 0, 0, none));
    shard.fails(
        ErrorCode.BAD_COOKIE,
        new CommitFileRequest(id, file.cookie() + 1, root, bad, true, 0, 0, 0, none));
    shard.fails(
        ErrorCode.BAD_NAME,
        new CommitFileRequest(id, file.cookie(), root, bad, true, 0, 0, 0, none));
    shard.fails(
        ErrorCode.DIRECTORY_NOT_FOUND,
        new CommitFileRequest(
            id, file.cookie(), shard.directory(9), bytes(NAME), true, 0, 0, 0, proofs));
    assertUntouched();
  }

  @Test
  void certifiesAndNamesInOneStep() throws EggsException {
    long created = write(commit(true, proofs));
    LookupResponse found = shard.lookup(InodeIds.ROOT, NAME);
    assertEquals(file.id(), found.targetId());
    assertEquals(created, found.creationTime());
    assertEquals(new StatFileResponse(created, created, 8192), stat());
    shard.failsRead(ErrorCode.FILE_NOT_FOUND, new StatTransientFileRequest(file.id()));
  }

  @Test
  void timesAreThoseAskedForOrThePresent() throws EggsException {
    long created =
        write(
            new CommitFileRequest(
                file.id(),
                file.cookie(),
                InodeIds.ROOT,
                bytes(NAME),
                false,
                5 | SET,
                6,
                0,
                proofs));
    assertEquals(new StatFileResponse(5, created, 8192), stat());
  }

  @Test
  void withoutGoodProofsNothingHappens() throws EggsException {
    shard.fails(ErrorCode.LAST_SPAN_STATE_NOT_CLEAN, commit(true, List.of()));
    shard.fails(ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS, commit(true, proofs.subList(1, 3)));
    BlockProof first = proofs.getFirst();
    shard.fails(
        ErrorCode.BAD_BLOCK_PROOF,
        commit(
            true,
            List.of(
                new BlockProof(first.blockId(), first.proof() + 1), proofs.get(1), proofs.get(2))));
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND,
        new CommitFileRequest(
            file.id(), file.cookie(), InodeIds.ROOT, bytes(NAME), true, 0, 0, 8192, proofs));
    shard.failsRead(ErrorCode.NAME_NOT_FOUND, new LookupRequest(InodeIds.ROOT, bytes(NAME)));
    assertUntouched();
  }

  @Test
  void aCertifiedFileNeedsNoProofs() throws EggsException {
    shard.write(new AddSpanCertifyRequest(file.id(), file.cookie(), 0, proofs));
    write(commit(true, List.of()));
    assertEquals(file.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
  }

  @Test
  void proofsThatWereGivenBeforeDoNoHarm() throws EggsException {
    shard.write(new AddSpanCertifyRequest(file.id(), file.cookie(), 0, proofs));
    write(commit(true, proofs));
    assertEquals(file.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
  }

  @Test
  void aNameThatIsTakenIsReplacedOrKept() throws EggsException {
    ConstructFileResponse old = shard.construct();
    shard.link(old, InodeIds.ROOT, NAME);
    shard.fails(ErrorCode.CANNOT_OVERRIDE_NAME, commit(true, proofs));
    assertEquals(old.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
    assertUntouched();
    write(commit(false, proofs));
    assertEquals(file.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
  }

  @Test
  void aNameThatWasTakenOnceIsNew() throws EggsException {
    ConstructFileResponse old = shard.construct();
    long created = shard.link(old, InodeIds.ROOT, NAME);
    shard.write(new SoftUnlinkFileRequest(InodeIds.ROOT, old.id(), bytes(NAME), created));
    write(commit(true, proofs));
    assertEquals(file.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
  }

  /** Whether a locked name stays is not decided: neither answer would be right. */
  @Test
  void aLockedNameIsWaitedFor() throws EggsException {
    long coming = InodeIds.of(InodeIds.FILE, 7, 3);
    CreateLockedCurrentEdgeResponse locked =
        (CreateLockedCurrentEdgeResponse)
            shard.signed(new CreateLockedCurrentEdgeRequest(InodeIds.ROOT, bytes(NAME), coming, 0));
    shard.fails(ErrorCode.NAME_IS_LOCKED, commit(true, proofs));
    shard.fails(ErrorCode.NAME_IS_LOCKED, commit(false, proofs));
    assertUntouched();
    shard.signed(
        new UnlockCurrentEdgeRequest(
            InodeIds.ROOT, bytes(NAME), locked.creationTime(), coming, true));
    write(commit(true, proofs));
  }

  @Test
  void aRepeatGetsTheSameAnswer() throws EggsException {
    long created = write(commit(true, proofs));
    shard.write(new SetTimeRequest(file.id(), 8 | SET, 9 | SET));
    assertEquals(created, write(commit(true, proofs)));
    assertEquals(new StatFileResponse(8, 9, 8192), stat(), "a repeat sets no times");
    shard.now += 2 * Harness.INTERVAL;
    assertEquals(created, write(commit(true, proofs)));
  }

  @Test
  void aRepeatDoesNotUndoWhatCameLater() throws EggsException {
    write(commit(true, proofs));
    ConstructFileResponse newer = shard.construct();
    shard.link(newer, InodeIds.ROOT, NAME);
    shard.fails(ErrorCode.FILE_NOT_FOUND, commit(true, proofs));
    assertEquals(newer.id(), shard.lookup(InodeIds.ROOT, NAME).targetId());
  }

  @Test
  void tooLateIsTooLate() throws EggsException {
    shard.now += 10 * Harness.INTERVAL;
    shard.fails(ErrorCode.FILE_NOT_FOUND, commit(true, proofs));
  }
}
