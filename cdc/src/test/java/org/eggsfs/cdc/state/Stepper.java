package org.eggsfs.cdc.state;

import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.store.MapView;

/** Drives a state machine by hand: the test decides what each shard request becomes. */
final class Stepper {
  private static long requestIds;

  private final ShardPlane plane;
  private MapView store = new MapView();
  CdcState state;
  Output.ToClient lastAnswer;
  final List<String> alerts = new ArrayList<>();
  final List<Output.Again> repeats = new ArrayList<>();
  private List<Output.ToShard> requests = new ArrayList<>();

  Stepper(ShardPlane plane) {
    this.plane = plane;
    CdcState.initialize(store);
    state = CdcState.open(store);
  }

  /** Goes on with the state of a simulation. */
  void load(Simulation simulation) {
    store = simulation.copyOfState();
    state = CdcState.open(store);
  }

  /** The row of a running transaction is that: a step and what follows it. */
  void storeRow(long transaction, int... row) {
    ByteBuffer value = Keys.value(1, row.length);
    for (int one : row) {
      value.put((byte) one);
    }
    ExecutingTable.put(store, transaction, Keys.bytes(value));
  }

  /** As after a restart. */
  void restart() {
    state = CdcState.open(store);
    requests = new ArrayList<>();
    take(state.resume(store, store, state.appliedIndex() + 1, plane.now));
  }

  static ClientRequest request(CdcRequest request) {
    requestIds++;
    return new ClientRequest(new ClientKey(1 << 24, 9, requestIds), requestIds, request);
  }

  void apply(ClientRequest... all) {
    apply(new LogEntry(plane.now, List.of(all), List.of(), List.of()));
  }

  void apply(LogEntry entry) {
    take(state.apply(store, store, state.appliedIndex() + 1, entry));
  }

  private void take(ApplyResult result) {
    alerts.addAll(result.alerts());
    for (Output output : result.outputs()) {
      switch (output) {
        case Output.ToShard toShard -> requests.add(toShard);
        case Output.ToClient toClient -> lastAnswer = toClient;
        case Output.Again again -> repeats.add(again);
      }
    }
  }

  List<Output.ToShard> takeRequests() {
    List<Output.ToShard> taken = requests;
    assertFalse(taken.isEmpty(), "nothing to do any more");
    requests = new ArrayList<>();
    return taken;
  }

  /** The shard does it, its answer is lost. */
  void execute(Output.ToShard output) throws EggsException {
    plane.call(output.shard(), output.request(), true);
  }

  /** The shard does it and answers. */
  void answer(Output.ToShard output) {
    ShardResponse response;
    try {
      response = plane.call(output.shard(), output.request(), true);
    } catch (EggsException e) {
      answer(output, null, e);
      return;
    }
    answer(output, response, null);
  }

  /** The shard answers that. */
  void answer(Output.ToShard output, ShardResponse response, EggsException error) {
    apply(
        new LogEntry(
            plane.now,
            List.of(),
            List.of(
                new ShardAnswer(
                    output.transaction(),
                    output.sequence(),
                    output.sub(),
                    response,
                    error == null ? null : error.code())),
            List.of()));
  }

  /** Answers everything until nothing runs. */
  void finish() {
    while (!requests.isEmpty()) {
      takeRequests().forEach(this::answer);
    }
    if (state.transactionCount() > 0) {
      throw new AssertionError("hangs: " + state.unfinished());
    }
  }
}
