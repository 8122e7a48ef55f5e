package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.store.MapView;
import org.junit.jupiter.api.Test;

/**
 * Goal: which renames of directories run beside each other, and what finding that out may cost
 * (cdc.md section 13.5). Method: trees made by hand in the parent map.
 */
class RenameAdmissionTest {
  private static final long ROOT = InodeIds.ROOT;

  private final MapView tree = new MapView();
  private final RenameAdmission admission = new RenameAdmission();

  private static long directory(int number) {
    return InodeIds.of(InodeIds.DIRECTORY, 1000 + number, 1);
  }

  /** Directories 1, 2, … each in the one before, the first in the root. Returns the last. */
  private long chain(int count) {
    long owner = ROOT;
    for (int i = 1; i <= count; i++) {
      ParentsTable.put(tree, directory(i), owner);
      owner = directory(i);
    }
    return owner;
  }

  private static RenameDirectory rename(long target, long newOwner) {
    RenameDirectoryRequest request =
        new RenameDirectoryRequest(target, ROOT, bytes("old"), 1, newOwner, bytes("new"));
    return new RenameDirectory(1, Stepper.request(request), request);
  }

  private RenameAdmission.Decision judge(RenameDirectory rename) {
    return admission.judge(tree, rename.move());
  }

  /** As the state machine does it with one that is admitted. */
  private void start(RenameDirectory rename) {
    admission.started(rename.move());
    rename.start(new Effects(tree, tree, 1, 1));
  }

  private List<Transaction> end(RenameDirectory rename) {
    List<Transaction> ready = new ArrayList<>();
    admission.ended(rename, ready);
    return ready;
  }

  @Test
  void aRenameIntoTooDeepAPlaceIsRefused() {
    long deepest = chain(RenameAdmission.ANCESTORS_MAX);
    long target = directory(100_000);
    assertEquals(
        RenameAdmission.Verdict.ADMITTED,
        judge(rename(target, directory(RenameAdmission.ANCESTORS_MAX - 1))).verdict());
    RenameAdmission.Decision decision = judge(rename(target, deepest));
    assertEquals(RenameAdmission.Verdict.REFUSED, decision.verdict());
    assertEquals(ErrorCode.LOOP_IN_DIRECTORY_RENAME, decision.error());
  }

  /** Arrows of renames that run lead on from each other; nobody follows them for ever. */
  @Test
  void aRenameThatWouldTakeTooLongToJudgeWaits() {
    chain(RenameAdmission.ANCESTORS_MAX - 1);
    for (int i = 1; i <= 10; i++) {
      ParentsTable.put(tree, directory(10_000 + i), ROOT);
      start(rename(directory(10_000 + i), directory(10_001 + i)));
    }
    start(rename(directory(2), directory(10_001)));
    RenameAdmission.Decision decision =
        judge(rename(directory(100_000), directory(RenameAdmission.ANCESTORS_MAX - 1)));
    assertEquals(RenameAdmission.Verdict.WAITS, decision.verdict());
  }

  @Test
  void oneThatWaitsIsJudgedAgainWhenWhatIsInItsWayEnds() {
    chain(3);
    ParentsTable.put(tree, directory(10), ROOT);
    ParentsTable.put(tree, directory(11), ROOT);
    RenameDirectory unrelated = rename(directory(11), ROOT);
    start(unrelated);
    RenameDirectory inTheWay = rename(directory(2), directory(10));
    start(inTheWay);

    // Would be a loop if the other one fails, and if it succeeds, a place of its own.
    RenameDirectory out = rename(directory(1), directory(3));
    assertEquals(RenameAdmission.Verdict.WAITS, judge(out).verdict());
    assertEquals(directory(2), judge(out).blocker());
    admission.waits(out, judge(out).blocker());

    // The reverse: a loop only if the other one succeeds.
    RenameDirectory in = rename(directory(10), directory(3));
    assertEquals(RenameAdmission.Verdict.WAITS, judge(in).verdict());
    assertEquals(directory(2), judge(in).blocker());
    admission.waits(in, judge(in).blocker());

    RenameDirectory givesUp = rename(directory(10), directory(2));
    admission.waits(givesUp, judge(givesUp).blocker());
    assertEquals(List.of(), end(givesUp));
    assertEquals(List.of(), end(unrelated));
    ParentsTable.put(tree, directory(2), directory(10));
    assertEquals(List.of(out, in), end(inTheWay));
    assertEquals(RenameAdmission.Verdict.ADMITTED, judge(out).verdict());
    assertNull(judge(out).blocker());
    assertEquals(ErrorCode.LOOP_IN_DIRECTORY_RENAME, judge(in).error());
  }
}
