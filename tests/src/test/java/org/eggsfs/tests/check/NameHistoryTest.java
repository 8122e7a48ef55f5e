package org.eggsfs.tests.check;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.NameHash;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.tests.scenario.Failure;
import org.junit.jupiter.api.Test;

/**
 * Goal: the judge of name races finds what is wrong and nothing else. Method: small histories made
 * by hand, a good one and known bad ones, each with one defect.
 */
class NameHistoryTest {
  private static final long FILE = 0x4000000000000100L;
  private static final long OTHER = 0x4000000000000200L;

  private final NameHistory history = new NameHistory();
  private final List<Edge> remembered = new ArrayList<>();

  @Test
  void aGoodHistoryIsGood() {
    link("a", FILE, 10);
    history.begin().saw("a", FILE, 10);
    rename("a", FILE, 10, "b", 20);
    history.begin().saw("a", InodeIds.NULL, 0);
    history.begin().saw("b", FILE, 20);
    history.begin().refused(ErrorCode.EDGE_NOT_FOUND, "a", FILE, 10);
    assertDoesNotThrow(() -> history.check(remembered));
    assertEquals(2, history.verdictCounts().get("changes"));
    assertEquals(3, history.verdictCounts().get("lookups"));
    assertEquals(1, history.verdictCounts().get("refusals"));
  }

  @Test
  void aLookupThatRanMeanwhileMaySeeEitherState() {
    link("a", FILE, 10);
    NameHistory.Call early = history.begin();
    NameHistory.Call late = history.begin();
    link("a", OTHER, 20);
    early.saw("a", FILE, 10);
    late.saw("a", OTHER, 20);
    assertDoesNotThrow(() -> history.check(remembered));
  }

  @Test
  void aStaleLookupIsFound() {
    link("a", FILE, 10);
    link("a", OTHER, 20);
    history.begin().saw("a", FILE, 10);
    assertFound("a lookup of a saw");
  }

  @Test
  void aLookupOfTheFutureIsFound() {
    link("a", FILE, 10);
    history.begin().saw("a", OTHER, 20);
    link("a", OTHER, 20);
    assertFound("a lookup of a saw");
  }

  @Test
  void aLostChangeIsFound() {
    link("a", FILE, 10);
    remembered.clear();
    assertFound("a is forgotten");
  }

  @Test
  void anEffectThatHappenedTwiceIsFound() {
    link("a", FILE, 10);
    remember("a", FILE, 15);
    assertFound("remembers 2 versions");
  }

  @Test
  void anEffectThatNobodyWantedIsFound() {
    link("a", FILE, 10);
    remember("b", OTHER, 15);
    assertFound("nobody made [b]");
  }

  @Test
  void aChangeOfAnEdgeThatWasGoneIsFound() {
    link("a", FILE, 10);
    link("a", OTHER, 20);
    rename("a", FILE, 10, "b", 30);
    assertFound("was not there any more");
  }

  @Test
  void anOrderAgainstRealTimeIsFound() {
    link("a", FILE, 20);
    link("b", OTHER, 10);
    assertFound("is said to be earlier");
  }

  @Test
  void aRefusalWithoutReasonIsFound() {
    link("a", FILE, 10);
    history.begin().refused(ErrorCode.EDGE_NOT_FOUND, "a", FILE, 10);
    assertFound("without reason");
  }

  /** One removes, its answer is lost and comes late; one that asked later hears that it is gone. */
  @Test
  void whoTakesAnEffectForItsOwnMayHaveBegunAfterIt() {
    link("a", FILE, 10);
    NameHistory.Call doing = history.begin();
    remember("a", InodeIds.NULL, 20);
    link("b", OTHER, 30);
    NameHistory.Call assuming = history.begin();
    unlinked(assuming, 20);
    unlinked(doing, 20);
    assertDoesNotThrow(() -> history.check(remembered));
    assertEquals(1, history.verdictCounts().get("assumed"));
  }

  @Test
  void anEffectThatNobodyCanHaveHadInTimeIsFound() {
    link("a", FILE, 10);
    remember("a", InodeIds.NULL, 20);
    link("b", OTHER, 30);
    unlinked(history.begin(), 20);
    unlinked(history.begin(), 20);
    assertFound("is said to be earlier");
  }

  private static void unlinked(NameHistory.Call call, long time) {
    call.changed(
        time,
        List.of(new NameHistory.Used("a", FILE, 10)),
        List.of(new NameHistory.Made("a", InodeIds.NULL)));
  }

  private void assertFound(String part) {
    Failure failure = assertThrows(Failure.class, () -> history.check(remembered));
    assertTrue(failure.getMessage().contains(part), failure.getMessage());
  }

  private void link(String name, long file, long time) {
    history.begin().changed(time, List.of(), List.of(new NameHistory.Made(name, file)));
    remember(name, file, time);
  }

  private void rename(String from, long file, long edgeTime, String to, long time) {
    history
        .begin()
        .changed(
            time,
            List.of(new NameHistory.Used(from, file, edgeTime)),
            List.of(new NameHistory.Made(from, InodeIds.NULL), new NameHistory.Made(to, file)));
    remember(from, InodeIds.NULL, time);
    remember(to, file, time);
  }

  private void remember(String name, long target, long time) {
    byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
    remembered.add(new Edge(false, target, NameHash.hash(bytes), bytes, time));
  }
}
