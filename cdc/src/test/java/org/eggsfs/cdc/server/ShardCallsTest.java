package org.eggsfs.cdc.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.cdc.state.Output;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.junit.jupiter.api.Test;

/** Goal: when requests to shards are repeated (cdc.md section 13.6). Method: time by hand. */
class ShardCallsTest {
  private static final long MS = 1_000_000;

  private record Sent(long requestId, int attempt) {}

  private final List<Sent> sent = new ArrayList<>();
  private long time = 1000;

  /** A random number of one half is no jitter at all. */
  private final ShardCalls calls =
      new ShardCalls(
          100 * MS,
          call -> sent.add(new Sent(call.requestId, call.attempts)),
          () -> 0.5,
          () -> time);

  private static Output.ToShard request(long transaction, int sequence, int sub) {
    return new Output.ToShard(transaction, sequence, sub, 7, new StatDirectoryRequest(1), 0);
  }

  @Test
  void silenceIsRepeatedEverMoreSlowlyUnderTheSameId() {
    calls.begin(request(1, 1, 0), 0);
    List<Long> times = new ArrayList<>(List.of(0L));
    long now = 0;
    while (sent.size() < 12) {
      now += calls.nanosToNext(now);
      calls.run(now);
      times.add(now / MS);
    }
    assertEquals(List.of(0L, 100L, 250L, 475L), times.subList(0, 4));
    assertEquals(2000L, times.get(11) - times.get(10));
    assertEquals(1, sent.stream().map(Sent::requestId).distinct().count());
    assertEquals(11, sent.getLast().attempt, "the attempts alternate over the addresses");
  }

  @Test
  void anAnswerEndsIt() {
    calls.begin(request(1, 1, 0), 0);
    ShardCalls.Call call = calls.find(sent.getFirst().requestId());
    calls.answered(call);
    calls.run(10_000 * MS);
    assertEquals(1, sent.size());
    assertNull(calls.find(sent.getFirst().requestId()), "a second answer finds nothing");
    assertEquals(Long.MAX_VALUE, calls.nanosToNext(0));
  }

  @Test
  void aRefusalIsRepeatedUnderANewIdAfterAPause() {
    calls.begin(request(1, 1, 0), 0);
    long first = sent.getFirst().requestId();
    calls.again(calls.find(first), 0);
    assertNull(calls.find(first));
    assertEquals(10 * MS, calls.nanosToNext(0));
    calls.run(9 * MS);
    assertEquals(1, sent.size());
    calls.run(10 * MS);
    assertEquals(2, sent.size());
    assertNotEquals(first, sent.getLast().requestId());
    calls.again(calls.find(sent.getLast().requestId()), 10 * MS);
    assertEquals(15 * MS, calls.nanosToNext(10 * MS), "the pause grows");
    // And silence after it counts from the beginning.
    calls.run(25 * MS);
    assertEquals(3, sent.size());
    assertEquals(100 * MS, calls.nanosToNext(25 * MS));
  }

  @Test
  void idsAreTimesAndLeaveInOrder() {
    calls.begin(request(1, 1, 0), 0);
    calls.begin(request(2, 1, 0), 0);
    calls.again(calls.find(1000), 0);
    time = 5000;
    calls.begin(request(3, 1, 0), 0);
    time = 2000;
    calls.run(10 * MS);
    assertEquals(List.of(1000L, 1001L, 5000L, 5001L), sent.stream().map(Sent::requestId).toList());
    assertEquals(5001, calls.lastRequestId());
  }

  @Test
  void anAnsweredCallCanBeAskedAgain() {
    calls.begin(request(1, 1, 0), 0);
    calls.begin(request(1, 1, 1), 0);
    calls.answered(calls.find(sent.get(0).requestId()));
    calls.answered(calls.find(sent.get(1).requestId()));
    calls.again(new Output.Again(1, 1, 1), 0);
    calls.again(new Output.Again(1, 2, 0), 0);
    calls.again(new Output.Again(9, 1, 0), 0);
    calls.run(50 * MS);
    assertEquals(3, sent.size());
    assertEquals(1, calls.waitingCount());
  }

  @Test
  void theNextStepMakesTheFormerMoot() {
    calls.begin(request(1, 1, 0), 0);
    calls.begin(request(1, 1, 1), 0);
    calls.begin(request(2, 1, 0), 0);
    calls.begin(request(1, 2, 0), 0);
    assertEquals(2, calls.waitingCount());
    assertNull(calls.find(sent.getFirst().requestId()));
    calls.begin(request(1, 1, 0), 0);
    assertEquals(4, sent.size(), "one that comes late is not sent");
    calls.end(1);
    calls.end(2);
    calls.end(3);
    assertEquals(0, calls.waitingCount());
    calls.run(10_000 * MS);
    assertEquals(4, sent.size());
  }

  @Test
  void whatRunsForLongIsReportedOnceAsNew() {
    calls.begin(request(1, 1, 0), 0);
    calls.begin(request(2, 1, 0), 5000 * MS);
    List<String> reports = new ArrayList<>();
    ShardCalls.Report report =
        (transaction, age, isNew, shards) ->
            reports.add(transaction + " " + age / MS + " " + isNew + " " + shards);
    calls.reportOlderThan(10_000 * MS, 9_999 * MS, report);
    assertTrue(reports.isEmpty());
    calls.reportOlderThan(10_000 * MS, 10_000 * MS, report);
    calls.reportOlderThan(10_000 * MS, 11_000 * MS, report);
    assertEquals(List.of("1 10000 true [7]", "1 11000 false [7]"), reports);
    reports.clear();
    // What nobody has told of yet stays new.
    calls.reportOlderThan(10_000 * MS, 15_000 * MS, (transaction, age, isNew, shards) -> false);
    calls.reportOlderThan(10_000 * MS, 15_000 * MS, report);
    assertEquals(List.of("1 15000 false [7]", "2 10000 true [7]"), reports);
  }
}
