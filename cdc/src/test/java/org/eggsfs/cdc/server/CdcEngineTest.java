package org.eggsfs.cdc.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.eggsfs.cdc.state.CdcState;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.HostClock;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.MemoryStore;
import org.junit.jupiter.api.Test;

/**
 * Goal: what the engine lets in when shards do not answer. Method: an engine over a map, on a clock
 * of the test's own; nobody answers what it sends to shards.
 */
class CdcEngineTest {
  private static final long SECOND = 1_000_000_000L;
  private static final InetSocketAddress CLIENT = new InetSocketAddress("127.0.0.1", 4321);
  private static final InetSocketAddress SHARD = new InetSocketAddress("127.0.0.1", 1);

  private static final class TestClock implements HostClock {
    long nanoTime;

    @Override
    public long wallNanos() {
      return 1_700_000_000L * SECOND + nanoTime;
    }

    @Override
    public long nanoTime() {
      return nanoTime;
    }
  }

  private static final class Shards implements CdcEngine.ShardDirectory {
    @Override
    public InetSocketAddress get(int shard, int attempt) {
      return SHARD;
    }

    @Override
    public void refreshSoon() {
      // They are where they are.
    }
  }

  private final TestClock clock = new TestClock();
  private final MemoryStore store = new MemoryStore();
  private long requestIds;

  private CdcEngine engine() {
    ChangeList changes = new ChangeList();
    CdcState.initialize(changes);
    store.write(changes.take(), true);
    CdcEngine engine =
        new CdcEngine(
            new CdcEngine.Options(SECOND, new CbcMac(ProtocolConstants.keyCdc()), false),
            store,
            (submitted, afterDurable) -> {
              store.write(submitted, true);
              afterDurable.run();
            },
            new Shards(),
            new CdcEngine.Outlets(List.of((frame, to) -> {}), List.of((frame, to) -> {})),
            (id, done) -> done.accept(null),
            clock,
            () -> 0.5,
            () -> {});
    engine.start();
    engine.turn();
    return engine;
  }

  private void receive(CdcEngine engine, CdcRequest request) {
    requestIds++;
    ByteBuffer frame = Frames.buffer(1472);
    Frames.putUdp(frame, ProtocolConstants.MAGIC_CDC_REQUEST, requestIds, request.kind(), request);
    engine.receiveFromClient(
        (answer, to) -> {}, CLIENT, frame.flip().order(ByteOrder.LITTLE_ENDIAN));
  }

  private static long directory(int shard) {
    return InodeIds.of(InodeIds.DIRECTORY, 1000, shard);
  }

  private static byte[] name(int number) {
    return ("d" + number).getBytes(StandardCharsets.US_ASCII);
  }

  @Test
  void aSilentShardDoesNotTakeTheRoomOfTheOthers() {
    CdcEngine engine = engine();
    for (int i = 0; i < CdcEngine.STUCK_PER_SHARD_MAX; i++) {
      receive(engine, new MakeDirectoryRequest(directory(5), name(i)));
    }
    engine.turn();
    receive(engine, new MakeDirectoryRequest(directory(5), name(-1)));
    engine.turn();
    assertEquals(0, engine.drops.sum(), "nobody knows yet that it is silent");
    clock.nanoTime += 11 * SECOND;
    engine.turn();
    int stuck = CdcEngine.STUCK_PER_SHARD_MAX + 1;
    assertEquals(stuck, engine.stuckCount());
    List<String> described = engine.stuck();
    assertEquals(CdcEngine.STUCK_DESCRIBED_MAX, described.size());
    assertTrue(described.getFirst().startsWith("transaction 1 "), described::getFirst);

    receive(engine, new MakeDirectoryRequest(directory(5), name(-2)));
    long file = InodeIds.of(InodeIds.FILE, 1, 9);
    receive(engine, new RenameFileRequest(file, directory(6), name(1), 1, directory(5), name(1)));
    receive(engine, new MakeDirectoryRequest(directory(6), name(1)));
    engine.turn();
    assertEquals(2, engine.drops.sum());
    assertEquals(stuck + 1, engine.transactionCount());
  }
}
