package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.ReadCounters;
import org.eggsfs.client.span.Span;
import org.eggsfs.client.span.SpanList;
import org.eggsfs.client.span.SpanReader;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.struct.SpanPolicy;
import org.eggsfs.protocol.struct.SpanPolicyEntry;
import org.eggsfs.protocol.struct.StripePolicy;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Reads give the right bytes or an error, whatever up to P blocks of a span do. */
final class RecoveryTest {
  /** Bytes of a cell where 500,000 are written with (4,2) in stripes of about 64 KiB. */
  private static final int CELL = 20_480;

  private FakeCluster cluster;
  private EggsClient client;

  @BeforeEach
  void start() throws Exception {
    cluster = new FakeCluster(16);
    client = cluster.connect(b -> b.readDeadline(Duration.ZERO));
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    cluster.close();
  }

  private long write(int parity, byte[] data) throws Exception {
    return write(client, parity, 1 << 20, data);
  }

  private static long write(EggsClient client, int parity, int spanSizeMax, byte[] data)
      throws Exception {
    client
        .inodes()
        .setPolicy(
            InodeIds.ROOT,
            DirectoryInfoTag.SPAN,
            FakeCluster.entry(
                    DirectoryInfoTag.SPAN,
                    new SpanPolicy(List.of(new SpanPolicyEntry(spanSizeMax, parity))))
                .body());
    try (FileWriter writer = client.paths().create("/f" + parity)) {
      writer.write(data);
      return writer.commit();
    }
  }

  private static void setStripes(EggsClient client, int targetSize) throws Exception {
    client
        .inodes()
        .setPolicy(
            InodeIds.ROOT,
            DirectoryInfoTag.STRIPE,
            FakeCluster.entry(DirectoryInfoTag.STRIPE, new StripePolicy(targetSize)).body());
  }

  private static byte[] read(EggsClient client, long id) throws Exception {
    try (FileReader reader = client.files().open(id)) {
      ByteBuffer all = ByteBuffer.allocate((int) reader.size());
      reader.readFully(0, all);
      return all.array();
    }
  }

  static Stream<Integer> codes() {
    return Stream.of(
        Parity.of(1, 4), Parity.of(2, 4), Parity.of(4, 2), Parity.of(10, 4), Parity.of(3, 1));
  }

  @ParameterizedTest
  @MethodSource("codes")
  void anyBlocksUpToParityMayBeMissing(int parity) throws Exception {
    byte[] data = FileRoundTripTest.data(400_000, parity);
    long id = write(parity, data);
    int blocks = Parity.blocks(parity);
    Random random = new Random(parity);
    for (int pattern = 0; pattern < 12; pattern++) {
      int[] order = random.ints(0, blocks).distinct().limit(blocks).toArray();
      int missing = 1 + pattern % Parity.parity(parity);
      byte[][] removed = new byte[missing][];
      for (int i = 0; i < missing; i++) {
        removed[i] =
            cluster.serverOf(id, 0, order[i]).blocks().remove(cluster.blockId(id, 0, order[i]));
      }
      assertArrayEquals(data, read(client, id), "missing " + Arrays.toString(order));
      try (FileReader reader = client.files().open(id)) {
        for (int i = 0; i < 5; i++) {
          int at = random.nextInt(data.length - 9000);
          ByteBuffer part = ByteBuffer.allocate(random.nextInt(1, 9000));
          reader.readFully(at, part);
          assertArrayEquals(Arrays.copyOfRange(data, at, at + part.capacity()), part.array());
        }
      }
      for (int i = 0; i < missing; i++) {
        cluster
            .serverOf(id, 0, order[i])
            .blocks()
            .put(cluster.blockId(id, 0, order[i]), removed[i]);
      }
    }
    FileRoundTripTest.assertNoBuffers(client);
  }

  @ParameterizedTest
  @EnumSource(
      value = FakeBlockServer.Fault.class,
      names = {"NONE", "HANG"},
      mode = EnumSource.Mode.EXCLUDE)
  void faultyServersUpToParityAreReadAround(FakeBlockServer.Fault fault) throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 21);
    int parity = Parity.of(4, 2);
    long id = write(parity, data);
    cluster.serverOf(id, 0, 0).fault = fault;
    if (fault != FakeBlockServer.Fault.OTHER_DATA) {
      cluster.serverOf(id, 0, 3).fault = fault;
    }
    assertArrayEquals(data, read(client, id));
    assertArrayEquals(data, read(client, id), "again, on whatever connections are left");
    if (fault == FakeBlockServer.Fault.OTHER_DATA) {
      assertTrue(client.readCounters().wrongBlocks() > 0, "the wrong block is reported");
    } else {
      assertTrue(client.readCounters().recoveries() > 0);
    }
    FileRoundTripTest.assertNoBuffers(client);
  }

  /** Windows that hold less than the span: only stripe CRCs can tell, and then the puzzle. */
  @Test
  void aBlockOfOtherDataIsFoundStripeByStripe() throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 22);
    long id = write(Parity.of(4, 2), data);
    cluster.serverOf(id, 0, 1).fault = FakeBlockServer.Fault.OTHER_DATA;
    int stripe = data.length / 7;
    try (FileReader reader = client.files().open(id)) {
      for (int at = 0; at + 2 * stripe <= data.length; at += stripe) {
        ByteBuffer part = ByteBuffer.allocate(2 * stripe);
        reader.readFully(at, part);
        assertEquals(2 * stripe, part.position());
        // Each covers a stripe and parts of others, which are computed without the wrong block.
        assertArrayEquals(Arrays.copyOfRange(data, at, at + 2 * stripe), part.array());
      }
      ByteBuffer most = ByteBuffer.allocate(300_000);
      reader.readFully(0, most);
      assertArrayEquals(Arrays.copyOf(data, 300_000), most.array());
    }
    assertTrue(client.readCounters().wrongBlocks() > 0);
    FileRoundTripTest.assertNoBuffers(client);
  }

  /** Of a stripe whose last pages were not asked for there is no CRC, and no doubt either. */
  @Test
  void nobodyIsSuspectedWhereAReadEndsBeforeTheLastPage() throws Exception {
    for (int parity : new int[] {Parity.of(4, 4), Parity.of(1, 2)}) {
      byte[] data = FileRoundTripTest.data(37_166, 36);
      long id = write(parity, data);
      try (FileReader reader = client.files().open(id)) {
        for (int page = 1; page <= 10; page++) {
          for (int to = page * 4096 - 3; to <= page * 4096 + 3 && to <= data.length; to++) {
            ByteBuffer part = ByteBuffer.allocate(to);
            reader.readFully(0, part);
            assertArrayEquals(Arrays.copyOf(data, to), part.array());
          }
        }
      }
    }
    assertEquals(0, cluster.blockServers.stream().mapToInt(FakeBlockServer::checks).sum());
    assertEquals(0, client.readCounters().wrongBlocks());
  }

  /** What is computed with a wrong parity block is as wrong. */
  @Test
  void aParityBlockOfOtherDataIsFoundStripeByStripe() throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 34);
    long id = write(Parity.of(4, 2), data);
    cluster.serverOf(id, 0, 1).blocks().remove(cluster.blockId(id, 0, 1));
    cluster.serverOf(id, 0, 4).fault = FakeBlockServer.Fault.OTHER_DATA;
    try (FileReader reader = client.files().open(id)) {
      for (int at = 0; at + 150_000 <= data.length; at += 70_000) {
        ByteBuffer part = ByteBuffer.allocate(150_000);
        reader.readFully(at, part);
        assertArrayEquals(Arrays.copyOfRange(data, at, at + 150_000), part.array());
      }
    }
    assertTrue(client.readCounters().wrongBlocks() > 0);
    FileRoundTripTest.assertNoBuffers(client);
  }

  private void damageCell(long id, int block, int stripe) {
    cluster.serverOf(id, 0, block).blocks().get(cluster.blockId(id, 0, block))[stripe * CELL] ^= 1;
  }

  /** Whole stripes are put together from blocks each of which is wrong somewhere else. */
  @Test
  void bytesOfWrongBlocksThatNothingVouchesForAreNotReturned() throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 35);
    long id = write(Parity.of(4, 2), data);
    int stripe = 4 * CELL;
    assertEquals(
        7 * CELL, cluster.serverOf(id, 0, 0).blocks().get(cluster.blockId(id, 0, 0)).length);
    damageCell(id, 1, 2);
    damageCell(id, 2, 3);
    cluster.serverOf(id, 0, 5).blocks().remove(cluster.blockId(id, 0, 5));
    try (FileReader reader = client.files().open(id)) {
      ByteBuffer whole = ByteBuffer.allocate(4 * stripe);
      reader.readFully(stripe, whole);
      assertArrayEquals(Arrays.copyOfRange(data, stripe, 5 * stripe), whole.array());
      // Only one of them is known to be wrong: enough others are left.
      ByteBuffer one = ByteBuffer.allocate(2 * stripe + 10);
      reader.readFully(stripe - 10, one);
      assertArrayEquals(Arrays.copyOfRange(data, stripe - 10, 3 * stripe), one.array());
      IOException e =
          assertThrows(
              IOException.class,
              () -> reader.readFully(stripe - 10, ByteBuffer.allocate(4 * stripe)));
      assertTrue(e.getMessage().contains("blocks needed"), e.getMessage());
    }
    FileRoundTripTest.assertNoBuffers(client);
  }

  @Test
  void hungServersAreHedged() throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 23);
    long id = write(Parity.of(4, 2), data);
    cluster.serverOf(id, 0, 0).fault = FakeBlockServer.Fault.HANG;
    cluster.serverOf(id, 0, 2).fault = FakeBlockServer.Fault.HANG;
    assertArrayEquals(data, read(client, id));
    assertTrue(client.readCounters().hedgesFired() > 0);
  }

  @Test
  void hungMirrorsAreHedged() throws Exception {
    byte[] data = FileRoundTripTest.data(50_000, 24);
    long id = write(Parity.of(1, 2), data);
    cluster.serverOf(id, 0, 0).fault = FakeBlockServer.Fault.HANG;
    cluster.serverOf(id, 0, 1).fault = FakeBlockServer.Fault.HANG;
    for (int i = 0; i < 6; i++) {
      assertArrayEquals(data, read(client, id));
    }
  }

  @Test
  void slowServersCostNoBytes() throws Exception {
    byte[] data = FileRoundTripTest.data(900_000, 25);
    long id = write(Parity.of(4, 2), data);
    cluster.serverOf(id, 0, 0).fetchDelayMillis = 60;
    cluster.serverOf(id, 0, 5).fetchDelayMillis = 40;
    for (int i = 0; i < 10; i++) {
      assertArrayEquals(data, read(client, id));
    }
    FileRoundTripTest.assertNoBuffers(client);
  }

  @Test
  void moreThanParityIsACleanError() throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 26);
    long id = write(Parity.of(4, 2), data);
    for (int b : new int[] {1, 2, 4}) {
      cluster.serverOf(id, 0, b).blocks().remove(cluster.blockId(id, 0, b));
    }
    IOException e = assertThrows(IOException.class, () -> read(client, id));
    assertTrue(e.getMessage().contains("blocks needed"), e.getMessage());
    FileRoundTripTest.assertNoBuffers(client);
  }

  /** Holds fetches back until a little after something has happened. */
  private static void answerLate(FakeBlockServer server, BooleanSupplier after) {
    CountDownLatch gate = new CountDownLatch(1);
    server.fetchGate = gate;
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (!after.getAsBoolean()) {
                  Thread.sleep(10);
                }
                Thread.sleep(100);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              gate.countDown();
            });
  }

  /** Asking for parity because the block is slow must not turn its answer down. */
  @Test
  void aSlowBlockIsWaitedForWhereTooManyOthersAreMissing() throws Exception {
    byte[] data = FileRoundTripTest.data(400_000, 31);
    long id = write(Parity.of(4, 2), data);
    for (int b : new int[] {1, 2, 4}) {
      cluster.serverOf(id, 0, b).blocks().remove(cluster.blockId(id, 0, b));
    }
    FakeBlockServer parity = cluster.serverOf(id, 0, 4);
    int before = parity.requests();
    answerLate(cluster.serverOf(id, 0, 0), () -> parity.requests() > before);
    try (FileReader reader = client.files().open(id)) {
      ByteBuffer page = ByteBuffer.allocate(4096);
      reader.readFully(0, page);
      assertArrayEquals(Arrays.copyOf(data, 4096), page.array());
    }
    FileRoundTripTest.assertNoBuffers(client);
  }

  /** What was computed without it turns out to be wrong. */
  @Test
  void aSlowBlockIsFetchedAgainWhereTooManyOthersAreWrong() throws Exception {
    byte[] data = FileRoundTripTest.data(49_152, 32);
    long id = write(Parity.of(4, 2), data);
    answerLate(cluster.serverOf(id, 0, 0), () -> client.readCounters().wrongBlocks() == 2);
    cluster.serverOf(id, 0, 1).blocks().remove(cluster.blockId(id, 0, 1));
    cluster.serverOf(id, 0, 4).fault = FakeBlockServer.Fault.OTHER_DATA;
    cluster.serverOf(id, 0, 5).fault = FakeBlockServer.Fault.OTHER_DATA;
    try (FileReader reader = client.files().open(id)) {
      ByteBuffer cell = ByteBuffer.allocate(12_288);
      reader.readFully(0, cell);
      assertArrayEquals(Arrays.copyOf(data, 12_288), cell.array());
    }
    assertEquals(2, client.readCounters().wrongBlocks());
    FileRoundTripTest.assertNoBuffers(client);
  }

  /** What went wrong is what is thrown, and everything is given back. */
  @Test
  void aReadThatGetsNoMemoryForParityEndsCleanly() throws Exception {
    for (int parity : new int[] {Parity.of(1, 2), Parity.of(4, 2)}) {
      byte[] data = FileRoundTripTest.data(100_000, 33);
      long id = write(parity, data);
      CountDownLatch gate = new CountDownLatch(1);
      cluster.serverOf(id, 0, 0).fetchGate = gate;
      cluster.serverOf(id, 0, 1).blocks().remove(cluster.blockId(id, 0, 1));
      BufferPool pool = new BufferPool(8 << 20);
      Span span = new SpanList(client, id).find(0);
      SpanReader reader = new SpanReader(client.blocks(), pool);
      BufferPool.Lease lease = pool.tryAcquire(SpanReader.windowBytes(span, 0, data.length));
      pool.close();
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class, () -> reader.read(id, span, 0, data.length, lease));
      assertEquals("buffer pool is closed", e.getMessage());
      assertEquals(0, pool.chargedBytes());
      gate.countDown();
      cluster.serverOf(id, 0, 0).fetchGate = null;
    }
  }

  @Test
  void moreThanParityOfDamagedPagesIsACleanError() throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 27);
    long id = write(Parity.of(4, 2), data);
    for (int b : new int[] {0, 1, 5}) {
      cluster.serverOf(id, 0, b).fault = FakeBlockServer.Fault.FLIP_DATA;
    }
    assertThrows(IOException.class, () -> read(client, id));
    FileRoundTripTest.assertNoBuffers(client);
  }

  @Test
  void aReadIsRepeatedUntilBlocksComeBack() throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 28);
    long id = write(Parity.of(4, 2), data);
    for (int b : new int[] {0, 1, 2}) {
      cluster.serverOf(id, 0, b).fault = FakeBlockServer.Fault.ERROR;
    }
    try (EggsClient patient = cluster.connect(b -> b.readDeadline(Duration.ofSeconds(20)))) {
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  while (patient.readCounters().repeatedReads() == 0) {
                    Thread.sleep(10);
                  }
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
                cluster.blockServers.forEach(s -> s.fault = FakeBlockServer.Fault.NONE);
              });
      assertArrayEquals(data, read(patient, id));
      assertTrue(patient.readCounters().repeatedReads() > 0);
    }
  }

  /** A window that was read before spans were exchanged for others ends elsewhere than new ones. */
  @Test
  void nothingBehindAnOldWindowIsShown() throws Exception {
    try (EggsClient patient =
        cluster.connect(b -> b.readDeadline(Duration.ofSeconds(20)).memoryBudget(64 << 20))) {
      byte[] data = FileRoundTripTest.data(8 << 20, 30);
      setStripes(patient, 900_000);
      long id = write(patient, Parity.of(3, 1), 8 << 20, data);
      setStripes(patient, 1 << 20);
      long other = write(patient, Parity.of(4, 2), 8 << 20, data);
      try (FileReader reader = patient.files().open(id)) {
        byte[] seen = new byte[65536];
        // As many as it takes for the first window, and one ahead.
        for (int at = 0; at < 3 * seen.length; at += seen.length) {
          assertTrue(reader.show(at, seen.length, bytes -> bytes.get(seen)));
        }
        assertEquals(List.of(0L), cluster.spanOffsets(id));
        List<Long> old = new ArrayList<>();
        for (int b = 0; b < 4; b++) {
          old.add(cluster.blockId(id, 0, b));
        }
        cluster.swapSpans(id, other);
        cluster.blockServers.forEach(server -> server.blocks().keySet().removeAll(old));
        // Finds out that the blocks have gone.
        ByteBuffer last = ByteBuffer.allocate(4096);
        reader.readFully(data.length - 4096, last);
        assertTrue(patient.readCounters().repeatedReads() > 0);
        for (int at = 7 << 19; at < (4 << 20) + seen.length; at += 16_384) {
          byte[] expected = Arrays.copyOfRange(data, at, at + seen.length);
          if (!reader.show(at, seen.length, bytes -> bytes.get(seen))) {
            assertEquals(seen.length, reader.read(at, ByteBuffer.wrap(seen)));
          }
          assertArrayEquals(expected, seen, "at " + at);
        }
      }
      FileRoundTripTest.assertNoBuffers(patient);
    }
  }

  @Test
  void deadPooledConnectionsAreNoFailures() throws Exception {
    byte[] data = FileRoundTripTest.data(500_000, 29);
    long id = write(Parity.of(4, 2), data);
    assertReadsWithoutRecovery(() -> {}, id, data);
    for (int i = 0; i < 5; i++) {
      assertReadsWithoutRecovery(
          () -> cluster.blockServers.forEach(FakeBlockServer::dropConnections), id, data);
    }
    cluster.blockServers.forEach(s -> s.requestsPerConnection = 1);
    for (int i = 0; i < 5; i++) {
      assertReadsWithoutRecovery(() -> {}, id, data);
    }
  }

  /** On a busy machine an answer may be late, and parity is asked for: such a read says nothing. */
  private void assertReadsWithoutRecovery(Runnable before, long id, byte[] data) throws Exception {
    ReadCounters counters = client.readCounters();
    long hedges;
    long recoveries;
    do {
      hedges = counters.hedgesFired();
      recoveries = counters.recoveries();
      before.run();
      assertArrayEquals(data, read(client, id));
    } while (counters.hedgesFired() > hedges);
    assertEquals(recoveries, counters.recoveries());
  }
}
