package org.eggsfs.shard.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.Parity;
import org.eggsfs.net.HostClock;
import org.eggsfs.net.Outlet;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateResponse;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.StatTransientFileRequest;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.IpPort;
import org.eggsfs.shard.state.BlockServices;
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

  private static final long SERVICE = 0x1234;
  private static final CbcMac SERVICE_KEY = new CbcMac(new byte[16]);

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
  void initialize() {
    ChangeList changes = new ChangeList();
    ShardState.initialize(0, new byte[16], changes);
    store.write(changes.take(), true);
    start();
  }

  /** A process over what is on disk. */
  private void start() {
    try (KeyValueStore.Snapshot view = store.snapshot()) {
      shard = HostedShard.open(view, 0, 3600 * SECOND, List.of());
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

  /** A request's answer behind its header, or null if there is none. */
  private ByteBuffer ask(long id, ShardRequest request) {
    answers.clear();
    receive(id, request);
    turn();
    commit();
    turn();
    if (answers.isEmpty()) {
      return null;
    }
    ByteBuffer answer = answers.removeFirst();
    assertEquals(List.of(), answers);
    assertEquals(id, answer.getLong(4));
    return answer.position(Frames.UDP_HEADER_SIZE);
  }

  private static int kind(ByteBuffer answer) {
    return answer.get(Frames.UDP_HEADER_SIZE - 1) & 0xff;
  }

  private static BlockServices oneService() {
    BlockServices.Service service =
        new BlockServices.Service(
            SERVICE,
            new AddrsInfo(new IpPort(0x7f000001, 1), new IpPort(0, 0)),
            ProtocolConstants.DEFAULT_LOCATION,
            StorageClass.FLASH,
            new FailureDomain(new byte[16]),
            SERVICE_KEY,
            0,
            1L << 40);
    return BlockServices.of(List.of(service)).withCurrent(new long[] {SERVICE});
  }

  private AddSpanInitiateRequest span(ConstructFileResponse file) {
    return new AddSpanInitiateRequest(
        file.id(),
        file.cookie(),
        0,
        4096,
        1234,
        StorageClass.FLASH,
        List.of(),
        Parity.of(1, 0),
        1,
        4096,
        new int[] {1234});
  }

  /**
   * Before a shard knows block services right proofs would look forged to it, and readers would be
   * shown files without disks.
   */
  @Test
  void whatDependsOnBlockServicesWaitsUntilTheyAreKnown() {
    ConstructFileResponse file = ConstructFileResponse.decode(ask(1, construct()));
    assertNull(ask(2, span(file)));
    shard.setBlockServices(BlockServices.EMPTY);
    ByteBuffer refused = ask(2, span(file));
    assertEquals(ProtocolConstants.ERROR_KIND, kind(refused));
    assertEquals(
        ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES.code(), refused.getShort(Frames.UDP_HEADER_SIZE));
    shard.setBlockServices(oneService());
    long block = AddSpanInitiateResponse.decode(ask(3, span(file))).blocks().getFirst().blockId();

    start();
    LocalFileSpansRequest list = new LocalFileSpansRequest(file.id(), 0, 0, 0);
    AddSpanCertifyRequest certify =
        new AddSpanCertifyRequest(
            file.id(),
            file.cookie(),
            0,
            List.of(new BlockProof(block, Certificates.writeProof(SERVICE_KEY, SERVICE, block))));
    assertNull(ask(4, certify));
    assertEquals(
        ShardKind.STAT_TRANSIENT_FILE, kind(ask(5, new StatTransientFileRequest(file.id()))));
    shard.setBlockServices(oneService());
    assertEquals(ShardKind.ADD_SPAN_CERTIFY, kind(ask(4, certify)));

    start();
    assertNull(ask(6, list));
    assertEquals(
        ShardKind.SCRAP_TRANSIENT_FILE,
        kind(ask(7, new ScrapTransientFileRequest(file.id(), file.cookie()))));
    RemoveSpanInitiateRequest remove = new RemoveSpanInitiateRequest(file.id(), file.cookie());
    assertNull(ask(8, remove));
    shard.setBlockServices(oneService());
    assertEquals(ShardKind.LOCAL_FILE_SPANS, kind(ask(6, list)));
    assertEquals(
        block, RemoveSpanInitiateResponse.decode(ask(8, remove)).blocks().getFirst().blockId());
  }

  @Test
  void aWriteWithoutAnIdIsExecutedEachTimeAndNotAnswered() {
    receive(0, construct());
    receive(0, construct());
    turn();
    receive(0, construct());
    turn();
    commit();
    turn();
    assertEquals(List.of(), answers);
    assertEquals(3, shard.durableIndex);
    assertEquals(0, engine.inFlightCount());
  }

  @Test
  void aClockThatIsBehindIsReportedAgainAndAgain() {
    List<String> warnings = new ArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord logged) {
            warnings.add(logged.getMessage());
          }

          @Override
          public void flush() {
            // Nothing is buffered.
          }

          @Override
          public void close() {
            // Nothing is open.
          }
        };
    Logger logger = Logger.getLogger(ShardEngine.class.getName());
    logger.addHandler(handler);
    try {
      ask(1, construct());
      clock.wallNanos -= 7 * 3600 * SECOND;
      ask(2, construct());
      clock.nanoTime += 59 * SECOND;
      ask(3, construct());
      assertEquals(1, warnings.size());
      assertTrue(warnings.getFirst().contains(" 25200 s behind"), warnings::toString);
      clock.nanoTime += 2 * SECOND;
      ask(4, construct());
      assertEquals(2, warnings.size());
      clock.nanoTime += 61 * SECOND;
      clock.wallNanos += 8 * 3600 * SECOND;
      ask(5, construct());
      assertEquals(2, warnings.size());
    } finally {
      logger.removeHandler(handler);
    }
  }
}
