package org.eggsfs.shuckle.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.shuckle.state.LogEntry;
import org.eggsfs.shuckle.state.Result;
import org.eggsfs.shuckle.state.Rules;
import org.eggsfs.shuckle.state.TestRows;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.MemoryStore;
import org.eggsfs.store.StoreException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nothing is answered or visible before it is durable, and nothing after the disk has failed. */
@Timeout(30)
class StateKeeperTest {
  private static final Rules RULES = new Rules(1, 1, 3, false, false);
  private static final ShuckleRequest REGISTER =
      new RegisterBlockServicesRequest(
          List.of(TestRows.registration(1, 0, "d", StorageClass.HDD, 1)));

  private final MemoryStore memory = new MemoryStore();
  private final CountDownLatch mayWrite = new CountDownLatch(1);
  private final CountDownLatch failed = new CountDownLatch(1);
  private final ManualClock clock = new ManualClock(1_000);
  private boolean broken;

  /** Writes only when the test allows it, and then perhaps fails. */
  private final KeyValueStore slow =
      new KeyValueStore() {
        @Override
        public Snapshot snapshot() {
          return memory.snapshot();
        }

        @Override
        public void write(List<Change> changes, boolean sync) {
          assertTrue(sync);
          try {
            mayWrite.await();
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
          if (broken) {
            throw new StoreException("no space left on device");
          }
          memory.write(changes, true);
        }

        @Override
        public void checkpoint(Path directory) {
          memory.checkpoint(directory);
        }

        @Override
        public void close() {
          memory.close();
        }
      };

  private StateKeeper keeper() {
    return new StateKeeper(slow, clock, () -> {}, failed::countDown);
  }

  private static CompletableFuture<Result> submit(StateKeeper keeper, ShuckleRequest request) {
    return keeper.submit(time -> new LogEntry.ClientWrite(time, RULES, request));
  }

  private static List<FullBlockServiceInfo> rows(StateKeeper keeper) throws EggsException {
    return keeper.read(state -> List.copyOf(state.blockServices()));
  }

  @Test
  void answersWhenDurableAndDecidesOnTheNewestState() throws Exception {
    try (StateKeeper keeper = keeper()) {
      CompletableFuture<Result> first = submit(keeper, REGISTER);
      clock.wall.set(500);
      CompletableFuture<Result> second = submit(keeper, new SetBlockServiceFlagsRequest(1, 4, 4));
      CompletableFuture<Result> refused = submit(keeper, new SetBlockServiceFlagsRequest(9, 4, 4));
      assertEquals(List.of(), rows(keeper));
      assertFalse(first.isDone());
      mayWrite.countDown();
      assertNull(first.get().error());
      assertNull(second.get().error());
      assertEquals(ErrorCode.BLOCK_SERVICE_NOT_FOUND, refused.get().error());
      assertEquals(4, rows(keeper).getFirst().flags());
      // The clock went back, the entries' times did not.
      assertEquals(1_000, rows(keeper).getFirst().lastInfoChange());
    }
  }

  private static int staleCount(StateKeeper keeper) throws EggsException {
    return (int)
        rows(keeper).stream().filter(row -> (row.flags() & BlockServiceFlags.STALE) != 0).count();
  }

  @Test
  void silenceIsMeasuredWithoutTheWallClock() throws Exception {
    mayWrite.countDown();
    try (StateKeeper keeper = keeper()) {
      submit(keeper, REGISTER).get();
      // An hour forward: nobody has been silent for it.
      clock.wall.addAndGet(3_600_000);
      clock.nanos.addAndGet(99);
      assertEquals(0, keeper.markSilent(100, 100).get());
      submit(keeper, REGISTER).get();
      // And back: what was registered in the future is silent like others, after the whole delay.
      clock.wall.addAndGet(-3_600_000);
      clock.nanos.addAndGet(99);
      assertEquals(0, keeper.markSilent(100, 100).get());
      clock.nanos.addAndGet(1);
      assertEquals(1, keeper.markSilent(100, 100).get());
      assertEquals(1, staleCount(keeper));
      assertEquals(0, keeper.markSilent(100, 100).get());
      submit(keeper, REGISTER).get();
      assertEquals(0, staleCount(keeper));
    }
  }

  @Test
  void whoseRegistrationWaitsForTheDiskIsNotSilent() throws Exception {
    mayWrite.countDown();
    try (StateKeeper keeper = keeper()) {
      submit(keeper, REGISTER).get();
      clock.pass(100);
      CompletableFuture<Result> registration = submit(keeper, REGISTER);
      assertEquals(0, keeper.markSilent(100, 100).get());
      registration.get();
      assertEquals(0, staleCount(keeper));
      // A refused registration is none.
      clock.pass(100);
      submit(
              keeper,
              new RegisterBlockServicesRequest(
                  List.of(TestRows.registration(1, 0, "elsewhere", StorageClass.HDD, 1))))
          .get();
      assertEquals(1, keeper.markSilent(100, 100).get());
    }
  }

  @Test
  void failsEverythingOnceTheDiskFails() throws Exception {
    broken = true;
    try (StateKeeper keeper = keeper()) {
      CompletableFuture<Result> first = submit(keeper, REGISTER);
      mayWrite.countDown();
      assertThrows(ExecutionException.class, first::get);
      assertTrue(failed.await(10, TimeUnit.SECONDS));
      CompletableFuture<Result> later = submit(keeper, REGISTER);
      assertThrows(ExecutionException.class, later::get);
      assertEquals(List.of(), rows(keeper));
    }
  }
}
