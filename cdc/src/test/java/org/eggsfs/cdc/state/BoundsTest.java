package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.SetDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.store.MapView;
import org.junit.jupiter.api.Test;

/**
 * Goal: everything has a limit and nothing stops the state machine (cdc.md sections 13.3, 13.8,
 * 13.9). Method: entries made by hand.
 */
class BoundsTest {
  private static final long ROOT = InodeIds.ROOT;

  private final ShardPlane plane = new ShardPlane();
  private final Stepper stepper = new Stepper(plane);

  private static ClientRequest mkdir(String name) {
    return Stepper.request(new MakeDirectoryRequest(ROOT, bytes(name)));
  }

  private void applyAt(long time) {
    stepper.apply(new LogEntry(time, List.of(), List.of(), List.of()));
  }

  @Test
  void anAnswerIsRememberedForFiveMinutesAndAcrossRestarts() {
    ClientRequest request = mkdir("a");
    stepper.apply(request);
    stepper.finish();
    GivenAnswer given = stepper.state.givenAnswer(request.key(), request.fingerprint());
    assertEquals(stepper.lastAnswer.response(), given.response());
    assertNull(stepper.state.givenAnswer(request.key(), request.fingerprint() + 1));
    stepper.restart();
    assertEquals(
        given.response(),
        stepper.state.givenAnswer(request.key(), request.fingerprint()).response());
    stepper.apply(request);
    assertEquals(0, stepper.state.transactionCount(), "it is not done again");
    applyAt(plane.now + CdcState.ANSWER_LIFE_NANOS);
    assertNotNull(stepper.state.givenAnswer(request.key(), request.fingerprint()));
    applyAt(plane.now + CdcState.ANSWER_LIFE_NANOS + 10_000_000);
    assertNull(stepper.state.givenAnswer(request.key(), request.fingerprint()));
    stepper.restart();
    assertNull(stepper.state.givenAnswer(request.key(), request.fingerprint()));
  }

  @Test
  void moreAnswersThanTheLimitPushTheOldestOut() {
    MapView store = new MapView();
    Answers answers = new Answers(3, 1000);
    for (int i = 1; i <= 5; i++) {
      answers.put(
          store,
          new ClientKey(1, 1, i),
          new GivenAnswer(i, i, i, 7, 1, null, ErrorCode.EDGE_NOT_FOUND));
      answers.expire(store, i);
    }
    assertEquals(3, answers.size());
    assertEquals(3, store.map().size());
    assertNull(answers.find(new ClientKey(1, 1, 2), 7));
    // The same client again replaces its former answer.
    answers.put(
        store,
        new ClientKey(1, 1, 3),
        new GivenAnswer(6, 6, 6, 8, 1, null, ErrorCode.DIRECTORY_NOT_FOUND));
    assertEquals(3, store.map().size());
    Answers loaded = new Answers(3, 1000);
    loaded.load(store);
    assertEquals(ErrorCode.DIRECTORY_NOT_FOUND, loaded.find(new ClientKey(1, 1, 3), 8).error());
    answers.expire(store, 5000);
    assertEquals(0, store.map().size());
  }

  @Test
  void whatComesTwiceInOneEntryRunsOnce() {
    ClientRequest request = mkdir("a");
    stepper.apply(request, request);
    assertEquals(1, stepper.state.transactionCount());
    stepper.apply(request);
    assertEquals(1, stepper.state.transactionCount());
    assertEquals(1, stepper.state.transactionOf(request.key()));
  }

  @Test
  void requestsBeyondTheLimitAreDropped() {
    List<ClientRequest> many = new ArrayList<>();
    for (int i = 0; i <= CdcState.TRANSACTIONS_MAX; i++) {
      many.add(mkdir("d" + i));
    }
    stepper.apply(many.toArray(ClientRequest[]::new));
    assertTrue(stepper.state.isFull());
    assertEquals(CdcState.TRANSACTIONS_MAX, stepper.state.transactionCount());
    assertEquals(0, stepper.state.transactionOf(many.getLast().key()));
  }

  @Test
  void oneThatHasNotStartedCanBeDroppedAndLetsOthersGo() {
    ClientRequest first = mkdir("a");
    ClientRequest second = mkdir("a");
    ClientRequest third = mkdir("a");
    stepper.apply(first, second, third);
    assertEquals(2, stepper.state.waiting().size());
    long running = stepper.state.transactionOf(first.key());
    long waiting = stepper.state.transactionOf(second.key());
    stepper.apply(new LogEntry(plane.now, List.of(), List.of(), List.of(running, waiting, 77L)));
    assertEquals(0, stepper.state.transactionOf(second.key()));
    assertEquals(running, stepper.state.transactionOf(first.key()), "what runs is not dropped");
    stepper.finish();
    assertNull(stepper.state.givenAnswer(second.key(), second.fingerprint()));
    assertNotNull(stepper.state.givenAnswer(third.key(), third.fingerprint()));
    stepper.restart();
    assertEquals(0, stepper.state.transactionCount());
  }

  @Test
  void oneThatGetsItsLocksWhileItExpiresIsGone() {
    ClientRequest first = mkdir("a");
    ClientRequest second = mkdir("a");
    stepper.apply(first, second);
    Output.ToShard read = stepper.takeRequests().getFirst();
    stepper.apply(
        new LogEntry(
            plane.now,
            List.of(),
            List.of(new ShardAnswer(1, read.sequence(), 0, null, ErrorCode.DIRECTORY_NOT_FOUND)),
            List.of(2L)));
    assertEquals(0, stepper.state.transactionCount());
    assertEquals(0, stepper.state.lockCount());
    assertEquals(ErrorCode.DIRECTORY_NOT_FOUND, stepper.lastAnswer.error());
  }

  @Test
  void answersThatNobodyWaitsForAreIgnored() throws EggsException {
    stepper.apply(mkdir("a"));
    Output.ToShard read = stepper.takeRequests().getFirst();
    stepper.answer(read);
    int before = stepper.state.unfinished().size();
    stepper.answer(read);
    for (ShardAnswer stray :
        List.of(
            new ShardAnswer(99, 1, 0, null, ErrorCode.EDGE_NOT_FOUND),
            new ShardAnswer(1, 99, 0, null, ErrorCode.EDGE_NOT_FOUND),
            new ShardAnswer(1, 2, 1, null, ErrorCode.EDGE_NOT_FOUND))) {
      stepper.apply(new LogEntry(plane.now, List.of(), List.of(stray), List.of()));
    }
    assertEquals(before, stepper.state.unfinished().size());
    stepper.finish();
    LookupResponse found = plane.lookup(ROOT, bytes("a"));
    assertEquals(
        new MakeDirectoryResponse(found.targetId(), found.creationTime()),
        stepper.lastAnswer.response());
  }

  /** Behind the point of no return an error that must not be is reported, and tried again. */
  @Test
  void anErrorAfterTheCommitPointIsTriedAgain() {
    stepper.apply(mkdir("a"));
    Output.ToShard unlock = stepper.takeRequests().getFirst();
    while (!(unlock.request() instanceof UnlockCurrentEdgeRequest)) {
      stepper.answer(unlock);
      unlock = stepper.takeRequests().getFirst();
    }
    for (int i = 0; i < 3; i++) {
      stepper.answer(unlock, null, new EggsException(ErrorCode.INTERNAL_ERROR));
    }
    assertEquals(3, stepper.repeats.size());
    assertEquals(3, stepper.alerts.size());
    assertTrue(stepper.alerts.getFirst().contains("UNLOCK_EDGE"), stepper.alerts::toString);
    stepper.answer(unlock);
    stepper.finish();
    assertNull(stepper.lastAnswer.error());
  }

  /** Before it, the same error rolls back and reaches the client. */
  @Test
  void anErrorBeforeTheCommitPointIsRolledBack() {
    stepper.apply(mkdir("a"));
    stepper.answer(stepper.takeRequests().getFirst());
    stepper.answer(stepper.takeRequests().getFirst());
    stepper.answer(
        stepper.takeRequests().getFirst(), null, new EggsException(ErrorCode.NOT_AUTHORISED));
    stepper.finish();
    assertEquals(ErrorCode.NOT_AUTHORISED, stepper.lastAnswer.error());
    assertEquals(List.of(), plane.check());
  }

  /** A mistake of ours, here an answer of a type that cannot be, must not stop the others. */
  @Test
  void anAnswerThatBreaksATransactionStopsNobodyElse() {
    stepper.apply(mkdir("a"), mkdir("b"));
    List<Output.ToShard> reads = stepper.takeRequests();
    stepper.answer(reads.getFirst(), new LookupResponse(ROOT, 1), null);
    assertEquals(1, stepper.repeats.size());
    assertEquals(1, stepper.alerts.size());
    stepper.answer(reads.get(1));
    stepper.answer(reads.getFirst());
    stepper.finish();
    assertEquals(List.of(), plane.check());
  }

  @Test
  void aStateThatIsNotThereOrOfAnotherVersionIsRefused() {
    MapView empty = new MapView();
    assertFalse(CdcState.isInitialized(empty));
    assertThrows(IllegalStateException.class, () -> CdcState.open(empty));
    CdcState.initialize(empty);
    assertTrue(CdcState.isInitialized(empty));
    empty.map().firstEntry().getValue()[0] = 99;
    assertThrows(IllegalStateException.class, () -> CdcState.open(empty));
  }

  private MakeDirectoryResponse made(long owner, String name) {
    stepper.apply(Stepper.request(new MakeDirectoryRequest(owner, bytes(name))));
    stepper.finish();
    return (MakeDirectoryResponse) stepper.lastAnswer.response();
  }

  /** Nobody above it defines policies, so the walk for them would not end. */
  @Test
  void aDirectoryInALoopThatADamagedTreeHasCanBeRemoved() throws EggsException {
    MakeDirectoryResponse a = made(ROOT, "a");
    long owner = a.id();
    for (int i = 0; i < 40; i++) {
      owner = made(owner, "d").id();
    }
    MakeDirectoryResponse leaf = made(owner, "leaf");
    plane.privileged(a.id(), new SetDirectoryOwnerRequest(a.id(), owner));
    stepper.apply(
        Stepper.request(
            new SoftUnlinkDirectoryRequest(owner, leaf.id(), leaf.creationTime(), bytes("leaf"))));
    stepper.finish();
    assertNull(stepper.lastAnswer.error());
    assertEquals(InodeIds.NULL, plane.stat(leaf.id()).owner());
  }

  @Test
  void aDirectoryIsItsOwnParentInARequestOnly() {
    long a = InodeIds.of(InodeIds.DIRECTORY, 3, 3);
    stepper.apply(Stepper.request(new SoftUnlinkDirectoryRequest(a, a, 1, bytes("x"))));
    stepper.finish();
    assertEquals(ErrorCode.DIRECTORY_NOT_FOUND, stepper.lastAnswer.error());
    assertEquals(0, stepper.state.lockCount());
  }
}
