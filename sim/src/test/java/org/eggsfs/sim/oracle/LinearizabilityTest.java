package org.eggsfs.sim.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.sim.oracle.Call.Kind;
import org.eggsfs.sim.oracle.Linearizability.State;
import org.eggsfs.sim.oracle.Linearizability.Verdict;
import org.junit.jupiter.api.Test;

/** Goal: the checker accepts histories that are right and refuses those known to be wrong. */
class LinearizabilityTest {
  private static final long A = InodeIds.of(InodeIds.FILE, 1, 0);
  private static final long B = InodeIds.of(InodeIds.FILE, 2, 0);
  private static final long D = InodeIds.of(InodeIds.DIRECTORY, 1, 0);

  private final List<Call> calls = new ArrayList<>();

  private LinearizabilityTest call(long start, long end, Kind kind, long target, long time) {
    Call call = new Call("test", kind, target, time, start);
    call.succeed(time, end);
    calls.add(call);
    return this;
  }

  private LinearizabilityTest perhaps(long start, Kind kind, long target, long time) {
    Call call = new Call("test", kind, target, time, start);
    call.mayHappen();
    calls.add(call);
    return this;
  }

  private void is(Verdict verdict) {
    assertEquals(verdict, Linearizability.check(State.NOTHING, calls));
  }

  @Test
  void nothingHappened() {
    is(Verdict.YES);
  }

  @Test
  void oneAfterAnother() {
    call(1, 2, Kind.PUT, A, 10)
        .call(3, 4, Kind.READ, A, 10)
        .call(5, 6, Kind.DELETE, A, 10)
        .call(7, 8, Kind.READ, 0, 0)
        .call(9, 10, Kind.PUT, B, 20)
        .call(11, 12, Kind.READ, B, 20)
        .is(Verdict.YES);
  }

  @Test
  void aReadMissesWhatWasAnsweredBefore() {
    call(1, 2, Kind.PUT, A, 10).call(3, 4, Kind.READ, 0, 0).is(Verdict.NO);
  }

  @Test
  void aReadDuringThePutMaySeeEither() {
    call(1, 6, Kind.PUT, A, 10)
        .call(2, 3, Kind.READ, 0, 0)
        .call(4, 5, Kind.READ, A, 10)
        .is(Verdict.YES);
  }

  @Test
  void whatWasSeenCannotBeUnseen() {
    call(1, 8, Kind.PUT, A, 10)
        .call(2, 3, Kind.READ, A, 10)
        .call(4, 5, Kind.READ, 0, 0)
        .is(Verdict.NO);
  }

  @Test
  void twoReadersSeeTwoPutsInOneOrder() {
    call(1, 10, Kind.PUT, A, 10)
        .call(1, 10, Kind.PUT, B, 20)
        .call(2, 3, Kind.READ, B, 20)
        .call(4, 5, Kind.READ, A, 10)
        .is(Verdict.NO);
  }

  private LinearizabilityTest replace(
      long start, long end, long target, long time, State replaced) {
    call(start, end, Kind.REPLACE, target, time);
    calls.getLast().replaces(replaced);
    return this;
  }

  @Test
  void whatHasTheNameIsReplaced() {
    call(1, 2, Kind.PUT, A, 10)
        .replace(3, 4, B, 20, new State(A, 10))
        .call(5, 6, Kind.READ, B, 20)
        .is(Verdict.YES);
  }

  @Test
  void onlyTheEdgeThatWasMeantIsReplaced() {
    call(1, 2, Kind.PUT, A, 10)
        .call(3, 4, Kind.PUT, A, 15)
        .replace(5, 6, B, 20, new State(A, 10))
        .is(Verdict.NO);
  }

  @Test
  void nothingIsReplacedAfterItsEnd() {
    call(1, 2, Kind.PUT, A, 10)
        .call(3, 4, Kind.DELETE, A, 10)
        .replace(5, 6, B, 20, new State(A, 10))
        .is(Verdict.NO);
  }

  @Test
  void twoCannotReplaceTheSame() {
    call(1, 2, Kind.PUT, A, 10)
        .replace(3, 6, B, 20, new State(A, 10))
        .replace(4, 7, A, 30, new State(A, 10))
        .is(Verdict.NO);
  }

  @Test
  void aNameThatMustBeNewIsGivenOnce() {
    call(1, 4, Kind.PUT_NEW, A, 10).call(2, 5, Kind.PUT_NEW, B, 20).is(Verdict.NO);
  }

  @Test
  void aNameThatMustBeNewMayHaveBeenUsedBefore() {
    call(1, 2, Kind.PUT_NEW, A, 10)
        .call(3, 8, Kind.DELETE, A, 10)
        .call(4, 7, Kind.PUT_NEW, B, 20)
        .is(Verdict.YES);
  }

  @Test
  void whatMustBeNewReplacesNothingButMayBeReplaced() {
    call(1, 2, Kind.PUT, A, 10).call(3, 4, Kind.PUT_NEW, B, 20).is(Verdict.NO);
    calls.clear();
    call(1, 2, Kind.PUT_NEW, A, 10).call(3, 4, Kind.PUT, B, 20).is(Verdict.YES);
  }

  @Test
  void nothingIsRemovedTwice() {
    call(1, 2, Kind.PUT, A, 10)
        .call(3, 6, Kind.DELETE, A, 10)
        .call(4, 7, Kind.DELETE, A, 10)
        .is(Verdict.NO);
  }

  @Test
  void anotherVersionIsNotRemoved() {
    call(1, 2, Kind.PUT, A, 10)
        .call(3, 4, Kind.PUT, A, 20)
        .call(5, 6, Kind.DELETE, A, 10)
        .is(Verdict.NO);
  }

  @Test
  void anEdgeFromNowhere() {
    call(1, 2, Kind.PUT, A, 10).call(3, 4, Kind.READ, B, 20).is(Verdict.NO);
  }

  @Test
  void aStaleVersionIsSeen() {
    call(1, 2, Kind.PUT, A, 10)
        .call(3, 4, Kind.PUT, B, 20)
        .call(5, 6, Kind.READ, A, 10)
        .is(Verdict.NO);
  }

  @Test
  void timesOfANameGrow() {
    call(1, 2, Kind.PUT, A, 20).call(3, 4, Kind.PUT, B, 10).is(Verdict.NO);
  }

  @Test
  void timesOfANameGrowAcrossADeletion() {
    call(1, 2, Kind.PUT, A, 20)
        .call(3, 4, Kind.DELETE, A, 20)
        .call(5, 6, Kind.PUT, B, 10)
        .is(Verdict.NO);
  }

  @Test
  void aDirectoryIsNotReplaced() {
    call(1, 2, Kind.PUT, D, 10).call(3, 4, Kind.PUT, A, 20).is(Verdict.NO);
  }

  @Test
  void aDirectoryReplacesNothing() {
    call(1, 2, Kind.PUT, A, 10).call(3, 4, Kind.FIND_OR_PUT, D, 20).is(Verdict.NO);
  }

  @Test
  void aDirectoryThatIsThereIsFound() {
    call(1, 2, Kind.FIND_OR_PUT, D, 10)
        .call(3, 4, Kind.FIND_OR_PUT, D, 10)
        .call(5, 6, Kind.READ, D, 10)
        .is(Verdict.YES);
  }

  @Test
  void anUnknownOutcomeMayBeSeenMuchLater() {
    perhaps(1, Kind.PUT, A, 0)
        .call(2, 3, Kind.READ, 0, 0)
        .call(4, 5, Kind.READ, A, 10)
        .is(Verdict.YES);
  }

  @Test
  void anUnknownOutcomeMayBeNone() {
    perhaps(1, Kind.PUT, A, 0).call(2, 3, Kind.READ, 0, 0).is(Verdict.YES);
  }

  @Test
  void anUnknownOutcomeHappensOnce() {
    perhaps(1, Kind.PUT, A, 0)
        .call(2, 3, Kind.READ, A, 10)
        .call(4, 5, Kind.DELETE, A, 10)
        .call(6, 7, Kind.READ, 0, 0)
        .call(8, 9, Kind.READ, A, 10)
        .is(Verdict.NO);
  }

  @Test
  void anUnheardDirectoryIsOne() {
    perhaps(1, Kind.FIND_OR_PUT, Call.ANY_DIRECTORY, 0)
        .call(2, 3, Kind.READ, D, 10)
        .call(4, 5, Kind.DELETE, D, 10)
        .is(Verdict.YES);
  }

  @Test
  void anUnheardTimeIsOneTime() {
    call(1, 2, Kind.PUT, A, 0)
        .call(3, 4, Kind.READ, A, 10)
        .call(5, 6, Kind.READ, A, 11)
        .is(Verdict.NO);
  }

  @Test
  void manyAtOnceAreDecided() {
    for (int i = 0; i < 40; i++) {
      call(1, 1000, Kind.PUT, InodeIds.of(InodeIds.FILE, 100 + i, 0), 10 + i);
    }
    call(1001, 1002, Kind.READ, InodeIds.of(InodeIds.FILE, 139, 0), 49).is(Verdict.YES);
  }
}
