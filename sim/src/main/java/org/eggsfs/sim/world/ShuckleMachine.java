package org.eggsfs.sim.world;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.shuckle.server.StateKeeper;
import org.eggsfs.shuckle.state.Assigner;
import org.eggsfs.shuckle.state.Assignment;
import org.eggsfs.shuckle.state.LogEntry;
import org.eggsfs.shuckle.state.Result;
import org.eggsfs.shuckle.state.Rules;
import org.eggsfs.shuckle.state.ShuckleState;
import org.eggsfs.sim.kernel.SimDisk;
import org.eggsfs.sim.kernel.SimStore;
import org.eggsfs.sim.kernel.SortedTree;

/**
 * The shuckle: the state and its keeper of production over a database. It is asked over
 * connections, so a call is answered or fails, and never comes twice.
 */
final class ShuckleMachine extends Machine {
  private static final long SECOND = 1_000_000_000L;
  private static final long STALENESS_NANOS = 180 * SECOND;
  private static final long HOUSEKEEPING_NANOS = 10 * SECOND;
  private static final long GATHER_NANOS = 50_000_000L;
  private static final double TRAVEL_NANOS_MEAN = 200_000;
  private static final long CALL_TIMEOUT_NANOS = SECOND;
  private static final int WRITABLE_PER_SHARD_MAX = 32;
  private static final Rules RULES = new Rules(STALENESS_NANOS, 3600 * SECOND, 4, false, false);
  private static final ShuckleState.Self SELF =
      new ShuckleState.Self(World.LOCATION, Addresses.NONE);

  private final SimStore store = new SimStore(SortedTree.EMPTY);
  private SimDisk disk;
  private StateKeeper keeper;
  private boolean assignmentIsDue;

  ShuckleMachine(World world) {
    super(world, Network.Role.SHUCKLE, "shuckle");
  }

  @Override
  void started() {
    disk = new SimDisk(store, this::after, () -> world().syncNanos(this));
    assignmentIsDue = false;
    keeper = new StateKeeper(store, clock(), this::assignSoon, disk);
    keepHouse();
  }

  @Override
  void died() {
    disk.crash(world().random().nextInt(2) == 0);
  }

  boolean isIdle() {
    return disk.isIdle();
  }

  /** Asks over a connection of {@code from}. */
  void call(
      Machine from,
      ShuckleRequest request,
      Consumer<ShuckleResponse> onAnswer,
      Runnable onFailure) {
    if (!isUp() || world().network().isBlocked(from, this)) {
      from.after(CALL_TIMEOUT_NANOS, onFailure);
      return;
    }
    // The caller's own timer ends the call when this process dies with it.
    boolean[] over = {false};
    from.after(
        CALL_TIMEOUT_NANOS,
        () -> {
          if (!over[0]) {
            over[0] = true;
            onFailure.run();
          }
        });
    after(
        travel(),
        () ->
            answer(request)
                .whenComplete(
                    (response, failure) ->
                        from.after(
                            travel(),
                            () -> {
                              if (over[0]) {
                                return;
                              }
                              over[0] = true;
                              if (failure == null) {
                                onAnswer.accept(response);
                              } else {
                                onFailure.run();
                              }
                            })));
  }

  private long travel() {
    return world().random().exponential(TRAVEL_NANOS_MEAN);
  }

  private CompletableFuture<ShuckleResponse> answer(ShuckleRequest request) {
    if (ShuckleState.isWrite(request.kind())) {
      return keeper
          .submit(time -> new LogEntry.ClientWrite(time, RULES, request))
          .thenCompose(ShuckleMachine::response);
    }
    try {
      long now = keeper.now();
      return CompletableFuture.completedFuture(
          keeper.read(state -> state.read(request, SELF, now)));
    } catch (EggsException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static CompletableFuture<ShuckleResponse> response(Result result) {
    return result.error() == null
        ? CompletableFuture.completedFuture(result.response())
        : CompletableFuture.failedFuture(new EggsException(result.error()));
  }

  private void keepHouse() {
    keeper.markSilent(STALENESS_NANOS, STALENESS_NANOS / 4);
    assignSoon();
    after(HOUSEKEEPING_NANOS, this::keepHouse);
  }

  private void assignSoon() {
    if (!assignmentIsDue) {
      assignmentIsDue = true;
      after(GATHER_NANOS, this::assign);
    }
  }

  private void assign() {
    assignmentIsDue = false;
    try {
      List<FullBlockServiceInfo> rows = keeper.read(state -> List.copyOf(state.blockServices()));
      Assignment previous = keeper.read(ShuckleState::assignment);
      Assigner.Outcome outcome =
          Assigner.compute(rows, previous, -1, WRITABLE_PER_SHARD_MAX, world().random().nextLong());
      if (!outcome.assignment().equals(previous)) {
        keeper.submit(time -> new LogEntry.Assign(time, outcome.assignment()));
      }
    } catch (EggsException e) {
      throw new IllegalStateException("the state refuses to be read", e);
    }
  }
}
