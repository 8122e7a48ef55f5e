package org.eggsfs.shuckle.state;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.store.KeyValueStore.Change;
import org.eggsfs.store.MemoryStore;
import org.eggsfs.store.WriteTarget;

/** A state over an in-memory store, with a clock that the test turns. */
final class Harness {
  static final long SECOND = 1_000_000_000L;
  static final long MINUTE = 60 * SECOND;
  static final long HOUR = 60 * MINUTE;
  static final Rules FREE = new Rules(3 * MINUTE, HOUR, 3, false, false);

  final MemoryStore store = new MemoryStore();
  ShuckleState state = load();
  Rules rules = FREE;
  long time = 1_000_000 * HOUR;
  int location;

  private ShuckleState load() {
    try (var snapshot = store.snapshot()) {
      return ShuckleState.load(snapshot);
    }
  }

  /** Forgets everything that is not in the store. */
  void restart() {
    state = load();
  }

  Result apply(LogEntry entry) {
    List<Change> changes = new ArrayList<>();
    Result result =
        state.apply(
            entry,
            new WriteTarget() {
              @Override
              public void put(byte[] key, byte[] value) {
                changes.add(new Change(key, value));
              }

              @Override
              public void delete(byte[] key) {
                changes.add(new Change(key, null));
              }
            });
    if (result.error() != null && !changes.isEmpty()) {
      throw new AssertionError("a refused entry wrote " + changes.size() + " rows");
    }
    store.write(changes, true);
    return result;
  }

  /** Sends a write; the error is an exception. */
  ShuckleResponse write(ShuckleRequest request) throws EggsException {
    if (!ShuckleState.isWrite(request.kind())) {
      throw new AssertionError(request + " is no write");
    }
    Result result = apply(new LogEntry.ClientWrite(time, rules, request));
    if (result.error() != null) {
      throw new EggsException(result.error());
    }
    return result.response();
  }

  ShuckleResponse read(ShuckleRequest request) throws EggsException {
    return state.read(request, new ShuckleState.Self(location, Addresses.NONE), time);
  }

  FullBlockServiceInfo service(long id) {
    return state.blockServices().stream().filter(row -> row.id() == id).findFirst().orElseThrow();
  }

  void markStale(long delay) {
    long seenBefore = time - delay;
    long[] silent = state.silent(id -> service(id).lastSeen() <= seenBefore);
    apply(new LogEntry.MarkStale(time, silent));
  }

  void assign() {
    apply(
        new LogEntry.Assign(
            time,
            Assigner.compute(state.blockServices(), state.assignment(), -1, 28, time)
                .assignment()));
  }
}
