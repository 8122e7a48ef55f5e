package org.eggsfs.shard.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.CbcMac;
import org.eggsfs.net.HostClock;
import org.eggsfs.net.Outlet;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.shard.state.ShardState;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.MemoryStore;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Goal: what an engine keeps, drops and answers. Method: one shard over a map, on clocks of the
 * test's own; what was submitted is on disk when the test says so.
 */
class ShardEngineTest {
  private static final long SECOND = 1_000_000_000L;
  private static final InetSocketAddress CLIENT = new InetSocketAddress("127.0.0.1", 4321);

  /** Counts the snapshots that somebody holds, by the number of the write before them. */
  private static final class WatchedStore implements KeyValueStore {
    private final KeyValueStore store = new MemoryStore();
    private final List<Long> held = new ArrayList<>();
    private long writes;

    @Override
    public Snapshot snapshot() {
      Snapshot inner = store.snapshot();
      Long at = writes;
      held.add(at);
      return new Snapshot() {
        @Override
        public byte[] get(byte[] key) {
          return inner.get(key);
        }

        @Override
        public org.eggsfs.store.Cursor cursor() {
          return inner.cursor();
        }

        @Override
        public void close() {
          held.remove(at);
          inner.close();
        }
      };
    }

    @Override
    public void write(List<Change> changes, boolean sync) {
      writes++;
      store.write(changes, sync);
    }

    @Override
    public void checkpoint(Path to) {
      store.checkpoint(to);
    }

    @Override
    public void close() {
      store.close();
    }
  }

  private static final class TestClock implements HostClock {
    long wallNanos = 1_700_000_000L * SECOND;
    long nanoTime;

    @Override
    public long wallNanos() {
      return wallNanos;
    }

    @Override
    public long nanoTime() {
      return nanoTime;
    }
  }

  private final WatchedStore store = new WatchedStore();
  private final TestClock clock = new TestClock();
  private final List<Runnable> commits = new ArrayList<>();
  private final List<ByteBuffer> answers = new ArrayList<>();
  private final Outlet outlet =
      (frame, to) ->
          answers.add(
              ByteBuffer.allocate(frame.remaining())
                  .order(ByteOrder.LITTLE_ENDIAN)
                  .put(frame)
                  .flip());
  private HostedShard shard;
  private ShardEngine engine;

  @BeforeEach
  void open() {
    ChangeList changes = new ChangeList();
    ShardState.initialize(0, new byte[16], changes);
    store.write(changes.take(), true);
    try (KeyValueStore.Snapshot view = store.snapshot()) {
      shard = HostedShard.open(view, 0, SECOND, List.of());
    }
    engine =
        new ShardEngine(
            store,
            (submitted, afterDurable) ->
                commits.add(
                    () -> {
                      store.write(submitted, true);
                      afterDurable.run();
                    }),
            new CbcMac(ProtocolConstants.keyCdc()),
            (id, done) -> done.accept(null),
            clock,
            () -> 0.5,
            () -> {});
  }

  private void receive(long id, ShardRequest request) {
    ByteBuffer frame = Frames.buffer(1472);
    Frames.putUdp(frame, ProtocolConstants.MAGIC_SHARD_REQUEST, id, request.kind(), request);
    engine.receive(shard, outlet, CLIENT, frame.flip().order(ByteOrder.LITTLE_ENDIAN));
  }

  private void turn() {
    engine.runTasks();
    engine.submit();
    engine.sendDurable();
  }

  private void commit() {
    List<Runnable> all = List.copyOf(commits);
    commits.clear();
    all.forEach(Runnable::run);
  }

  private static ConstructFileRequest construct() {
    return new ConstructFileRequest(InodeType.FILE, new byte[] {'n'});
  }

  @Test
  void anEngineThatWritesNothingLetsGoOfItsSnapshot() {
    turn();
    assertEquals(List.of(1L), store.held);
    store.write(List.of(new KeyValueStore.Change(new byte[] {99}, new byte[] {1})), true);
    clock.nanoTime += SECOND;
    turn();
    assertEquals(List.of(2L), store.held);
  }

  /** Also while writes of its own are under way: they stay where the next ones see them. */
  @Test
  void aNewerSnapshotHidesNoWriteThatIsNotDurable() {
    receive(1, construct());
    turn();
    clock.nanoTime += SECOND;
    turn();
    receive(2, construct());
    turn();
    assertEquals(List.of(), answers);
    commit();
    turn();
    assertEquals(2, answers.size());
    long first = answers.get(0).getLong(Frames.UDP_HEADER_SIZE);
    long second = answers.get(1).getLong(Frames.UDP_HEADER_SIZE);
    assertEquals(1, Math.abs(second - first) >> 8);
  }
}
