package org.eggsfs.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.KeyValueStore.Change;
import org.eggsfs.store.MemoryStore;
import org.eggsfs.store.StoreException;
import org.junit.jupiter.api.Test;

/** Goal: order, grouping, and silence after a failed write. Method: scripted stores. */
class GroupCommitterTest {
  private static final int SUBMISSIONS = 1000;

  /** Counts batches and fails from the n-th on. */
  private static final class ScriptedStore implements KeyValueStore {
    final MemoryStore memory = new MemoryStore();
    final AtomicInteger batches = new AtomicInteger();
    final int failFrom;

    ScriptedStore(int failFrom) {
      this.failFrom = failFrom;
    }

    @Override
    public Snapshot snapshot() {
      return memory.snapshot();
    }

    @Override
    public void write(List<Change> changes, boolean sync) {
      assertTrue(sync);
      if (batches.incrementAndGet() >= failFrom) {
        throw new StoreException("scripted failure");
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
  }

  @Test
  void callbacksComeInOrderAfterTheirChangesAreDurable() {
    ScriptedStore store = new ScriptedStore(Integer.MAX_VALUE);
    List<Integer> order = new ArrayList<>();
    try (GroupCommitter committer =
        new GroupCommitter("test-committer", store, () -> order.add(-1))) {
      for (int i = 0; i < SUBMISSIONS; i++) {
        int number = i;
        byte[] key = {(byte) (i >> 8), (byte) i};
        committer.submit(
            List.of(new Change(key, key)),
            () -> {
              try (KeyValueStore.Snapshot snapshot = store.snapshot()) {
                assertTrue(snapshot.get(key) != null);
              }
              order.add(number);
            });
      }
    }
    assertEquals(SUBMISSIONS, order.size());
    for (int i = 0; i < SUBMISSIONS; i++) {
      assertEquals(i, order.get(i));
    }
    assertTrue(store.batches.get() <= SUBMISSIONS);
  }

  @Test
  void whatChangesNothingCostsNoSync() throws InterruptedException {
    ScriptedStore store = new ScriptedStore(Integer.MAX_VALUE);
    CountDownLatch answered = new CountDownLatch(SUBMISSIONS);
    try (GroupCommitter committer = new GroupCommitter("test-committer", store, () -> {})) {
      for (int i = 0; i < SUBMISSIONS; i++) {
        committer.submit(List.of(), answered::countDown);
      }
      assertTrue(answered.await(10, TimeUnit.SECONDS));
    }
    assertEquals(0, store.batches.get());
  }

  @Test
  void anErrorCountsAsAFailureAndTheCallbackMayClose() throws InterruptedException {
    CountDownLatch failed = new CountDownLatch(1);
    MemoryStore memory = new MemoryStore();
    KeyValueStore broken =
        new KeyValueStore() {
          @Override
          public Snapshot snapshot() {
            return memory.snapshot();
          }

          @Override
          public void write(List<Change> changes, boolean sync) {
            throw new OutOfMemoryError("scripted");
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
    GroupCommitter[] committer = new GroupCommitter[1];
    committer[0] =
        new GroupCommitter(
            "test-committer",
            broken,
            () -> {
              committer[0].close();
              failed.countDown();
            });
    byte[] key = {1};
    committer[0].submit(List.of(new Change(key, key)), () -> {});
    assertTrue(failed.await(10, TimeUnit.SECONDS));
    // Nobody may hang on a committer that is gone.
    for (int i = 0; i < 10_000; i++) {
      committer[0].submit(List.of(new Change(key, key)), () -> {});
    }
    committer[0].close();
  }

  @Test
  void nothingIsAcknowledgedAfterAFailure() throws InterruptedException {
    ScriptedStore store = new ScriptedStore(2);
    AtomicInteger acknowledged = new AtomicInteger();
    CountDownLatch first = new CountDownLatch(1);
    CountDownLatch failed = new CountDownLatch(1);
    try (GroupCommitter committer =
        new GroupCommitter("test-committer", store, failed::countDown)) {
      byte[] key = {1};
      committer.submit(
          List.of(new Change(key, key)),
          () -> {
            acknowledged.incrementAndGet();
            first.countDown();
          });
      assertTrue(first.await(10, TimeUnit.SECONDS));
      committer.submit(List.of(new Change(key, null)), acknowledged::incrementAndGet);
      assertTrue(failed.await(10, TimeUnit.SECONDS));
      committer.submit(List.of(new Change(key, null)), acknowledged::incrementAndGet);
    }
    assertEquals(1, acknowledged.get());
  }
}
