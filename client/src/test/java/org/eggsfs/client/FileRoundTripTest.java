package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.AddSpanInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateWithReferenceRequest;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Files go in and come out through the whole client, over real sockets to fake servers. */
final class FileRoundTripTest {
  private FakeCluster cluster;
  private EggsClient client;

  @BeforeEach
  void start() throws Exception {
    cluster = new FakeCluster(10);
    client = cluster.connect(b -> b.readDeadline(Duration.ZERO));
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    cluster.close();
  }

  /** Reading ahead that nobody waits for any more ends a moment later. */
  static void assertNoBuffers(EggsClient client) throws InterruptedException {
    for (int i = 0; i < 500 && client.bufferBytes() > 0; i++) {
      Thread.sleep(10);
    }
    assertEquals(0, client.bufferBytes());
  }

  static byte[] data(int size, long seed) {
    byte[] data = new byte[size];
    new Random(seed).nextBytes(data);
    return data;
  }

  private long write(String path, byte[] data) throws Exception {
    try (FileWriter writer = client.paths().create(path)) {
      writer.write(data);
      return writer.commit();
    }
  }

  private byte[] read(long id) throws Exception {
    try (FileReader reader = client.files().open(id)) {
      ByteBuffer all = ByteBuffer.allocate((int) reader.size());
      reader.readFully(0, all);
      return all.array();
    }
  }

  private byte[] stream(long id) throws Exception {
    try (FileReader reader = client.files().open(id);
        InputStream in = reader.stream()) {
      return in.readAllBytes();
    }
  }

  @Test
  void everySizeAroundALimitComesBack() throws Exception {
    int span = 256 << 10;
    int[] limits = {0, 255, 4096, 8192, 16384, 65536, 131072, span, 2 * span, 3 * span};
    for (int limit : limits) {
      for (int delta : new int[] {-4096, -1, 0, 1, 4096}) {
        int size = limit + delta;
        if (size >= 0) {
          byte[] data = data(size, size);
          long id = write("/f" + size, data);
          assertArrayEquals(data, read(id), "size " + size);
          assertArrayEquals(data, stream(id), "streamed size " + size);
        }
      }
    }
    assertNoBuffers(client);
  }

  @Test
  void manySpansGoThroughHelpersInOrder() throws Exception {
    byte[] data = data(9 * (256 << 10) + 12345, 3);
    long id;
    try (FileWriter writer = client.paths().create("/big")) {
      writer.transferFrom(new ByteArrayInputStream(data));
      id = writer.commit();
    }
    assertTrue(cluster.requests(ShardKind.MOVE_SPAN) >= 8, "spans are moved from helpers");
    assertTrue(cluster.requests(ShardKind.CONSTRUCT_FILE) <= 1 + 4, "helpers are used again");
    assertEquals(10, cluster.spanOffsets(id).size());
    assertArrayEquals(data, stream(id));
    assertArrayEquals(data, read(id));
    assertNoBuffers(client);
  }

  /** A program may take hours for the next span; keepAlive prolongs only the file itself. */
  @Test
  void aHelperThatHasExpiredIsReplaced() throws Exception {
    byte[] data = data(5 * (256 << 10), 18);
    Set<Long> helpers = ConcurrentHashMap.newKeySet();
    Set<Long> expired = ConcurrentHashMap.newKeySet();
    cluster.hook =
        request -> {
          if (request instanceof AddSpanInitiateWithReferenceRequest initiate) {
            if (expired.contains(initiate.req().fileId())) {
              throw new EggsException(ErrorCode.FILE_NOT_FOUND);
            }
            helpers.add(initiate.req().fileId());
          }
        };
    long id;
    try (FileWriter writer = client.paths().create("/slow")) {
      int written = 2 * (256 << 10) + 1;
      writer.write(data, 0, written);
      writer.awaitSpans();
      assertEquals(1, helpers.size());
      expired.addAll(helpers);
      writer.write(data, written, data.length - written);
      id = writer.commit();
    }
    assertArrayEquals(data, read(id));
    assertTrue(helpers.size() > 1);
    assertEquals(0, client.spanRetries());
    assertNoBuffers(client);
  }

  /** If it is the file itself that has expired, there is nothing to replace. */
  @Test
  void aFileThatHasExpiredIsAnError() throws Exception {
    cluster.hook =
        request -> {
          if (request instanceof AddSpanInitiateWithReferenceRequest) {
            throw new EggsException(ErrorCode.FILE_NOT_FOUND);
          }
        };
    try (FileWriter writer = client.paths().create("/expired")) {
      byte[] data = data(5 * (256 << 10), 19);
      Exception e =
          assertThrows(
              Exception.class,
              () -> {
                writer.write(data);
                writer.commit();
              });
      assertTrue(e instanceof IOException || e instanceof EggsException, e.toString());
    }
    assertNoBuffers(client);
  }

  @Test
  void aLocalPortForMetadataIsUsed() throws Exception {
    InetSocketAddress source;
    try (DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      source = (InetSocketAddress) socket.getLocalSocketAddress();
    }
    byte[] data = data(100_000, 21);
    try (EggsClient bound = cluster.connect(b -> b.metadataSource(source));
        FileWriter writer = bound.paths().create("/f")) {
      writer.write(data);
      assertArrayEquals(data, read(writer.commit()));
      assertThrows(BindException.class, () -> new DatagramSocket(source).close());
    }
  }

  @Test
  void twoSpansNeedNoHelper() throws Exception {
    write("/two", data((256 << 10) + 5000, 4));
    assertEquals(1, cluster.requests(ShardKind.CONSTRUCT_FILE));
    assertEquals(0, cluster.requests(ShardKind.MOVE_SPAN));
  }

  @Test
  void randomReadsGiveTheRightBytes() throws Exception {
    byte[] data = data(3 * (256 << 10) + 777, 5);
    long id = write("/random", data);
    Random random = new Random(6);
    try (FileReader reader = client.files().open(id)) {
      for (int i = 0; i < 300; i++) {
        int at = random.nextInt(data.length);
        int count = 1 + random.nextInt(1 << random.nextInt(1, 19));
        ByteBuffer into = ByteBuffer.allocate(count);
        int n = reader.read(at, into);
        assertEquals(Math.min(count, data.length - at), n);
        assertArrayEquals(Arrays.copyOfRange(data, at, at + n), Arrays.copyOf(into.array(), n));
      }
      assertEquals(-1, reader.read(data.length, ByteBuffer.allocate(1)));
      assertEquals(-1, reader.read(data.length + 100L, ByteBuffer.allocate(1)));
    }
    assertNoBuffers(client);
  }

  @Test
  void rangesAreShownWhereTheyLie() throws Exception {
    byte[] data = data(3 * (256 << 10) + 200, 12);
    long id = write("/shown", data);
    Random random = new Random(13);
    int shown = 0;
    try (FileReader reader = client.files().open(id)) {
      for (int i = 0; i < 400; i++) {
        // First in sequence, then anywhere.
        int count = i < 190 ? 4096 : 1 + random.nextInt(64 << 10);
        int at = i < 190 ? i * 4096 : random.nextInt(data.length);
        byte[] expected = Arrays.copyOfRange(data, at, Math.min(data.length, at + count));
        byte[] seen = new byte[expected.length];
        if (reader.show(at, count, bytes -> bytes.get(seen))) {
          shown++;
        } else {
          assertEquals(expected.length, reader.read(at, ByteBuffer.wrap(seen)));
        }
        assertArrayEquals(expected, seen, count + " bytes at " + at);
      }
      assertFalse(reader.show(data.length, 10, bytes -> fail("there is nothing")));
      assertFalse(reader.show(data.length - 100, 100, bytes -> fail("inline bytes lie elsewhere")));
    }
    assertTrue(shown > 300, shown + " ranges were shown");
    assertNoBuffers(client);
  }

  @Test
  void aReadOfOnePageFetchesOnePage() throws Exception {
    byte[] data = data(200 << 10, 7);
    long id = write("/page", data);
    try (FileReader reader = client.files().open(id)) {
      int before;
      long hedges;
      do {
        // On a busy machine a page may be late, and parity is asked for as well: not meant here.
        before = blockRequests();
        hedges = client.readCounters().hedgesFired();
        ByteBuffer into = ByteBuffer.allocate(100);
        reader.readFully(100_000, into);
        assertArrayEquals(Arrays.copyOfRange(data, 100_000, 100_100), into.array());
      } while (client.readCounters().hedgesFired() > hedges);
      assertEquals(1, blockRequests() - before);
    }
  }

  private int blockRequests() {
    return cluster.blockServers.stream().mapToInt(FakeBlockServer::requests).sum();
  }

  @Test
  void aFileIsInvisibleUntilCommitAndGoneWithoutIt() throws Exception {
    try (FileWriter writer = client.paths().create("/never")) {
      writer.write(data(300_000, 8));
      EggsException e = assertThrows(EggsException.class, () -> client.paths().stat("/never"));
      assertEquals(ErrorCode.NAME_NOT_FOUND, e.code());
    }
    assertThrows(EggsException.class, () -> client.paths().stat("/never"));
    for (int i = 0; i < 200 && cluster.unlinkedAndNotScrapped() > 0; i++) {
      Thread.sleep(10);
    }
    assertEquals(0, cluster.unlinkedAndNotScrapped());
    assertNoBuffers(client);
  }

  @Test
  void writersShareLittleMemory() throws Exception {
    try (EggsClient small = cluster.connect(b -> b.memoryBudget(8 << 20))) {
      // 40 open writers of one thread: more than the budget holds in full span buffers.
      List<FileWriter> writers = new ArrayList<>();
      byte[] data = data(300_000, 9);
      for (int i = 0; i < 60; i++) {
        writers.add(small.paths().create("/w" + i));
      }
      for (int at = 0; at < data.length; at += 100_000) {
        for (FileWriter writer : writers) {
          writer.write(data, at, 100_000);
        }
      }
      for (FileWriter writer : writers) {
        long id = writer.commit();
        writer.close();
        assertArrayEquals(data, read(id));
      }
      assertNoBuffers(small);
    }
  }

  @Test
  @Timeout(60)
  void readsGetOnWhileIdleWritersHoldAllMemory() throws Exception {
    byte[] data = data(3 * (256 << 10) + 777, 17);
    long id = write("/read", data);
    long budget = 8 << 20;
    try (EggsClient small = cluster.connect(b -> b.memoryBudget(budget))) {
      List<FileWriter> idle = new ArrayList<>();
      while (small.bufferBytes() < budget) {
        idle.add(small.paths().create("/idle" + idle.size()));
        idle.getLast().write(1);
      }
      try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        List<Future<byte[]>> results = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
          boolean streamed = i % 2 == 0;
          results.add(
              threads.submit(
                  () -> {
                    try (FileReader reader = small.files().open(id);
                        InputStream in = reader.stream()) {
                      if (streamed) {
                        return in.readAllBytes();
                      }
                      ByteBuffer all = ByteBuffer.allocate((int) reader.size());
                      reader.readFully(0, all);
                      return all.array();
                    }
                  }));
        }
        for (Future<byte[]> result : results) {
          assertArrayEquals(data, result.get());
        }
      }
      for (FileWriter writer : idle) {
        writer.close();
      }
      assertNoBuffers(small);
    }
  }

  @Test
  void anOutageOfAllServersIsWaitedFor() throws Exception {
    byte[] data = data(100_000, 16);
    cluster.blockServers.forEach(server -> server.fault = FakeBlockServer.Fault.RESET);
    AtomicInteger attempts = new AtomicInteger();
    cluster.hook =
        request -> {
          // More attempts than a span has where few servers fail.
          if (request instanceof AddSpanInitiateRequest && attempts.incrementAndGet() == 8) {
            cluster.blockServers.forEach(server -> server.fault = FakeBlockServer.Fault.NONE);
          }
        };
    assertArrayEquals(data, read(write("/f", data)));
    assertTrue(attempts.get() >= 8);
  }

  /** A shard lists spans also while a file loses them, from its end. */
  @Test
  void aFileThatIsBeingDestroyedIsNotAShortOne() throws Exception {
    byte[] data = data(3 * (256 << 10), 15);
    long id = write("/f", data);
    cluster.loseLastSpan(id);
    assertThrows(IOException.class, () -> client.files().open(id).close());
    try (FileReader reader = client.files().open(id, data.length)) {
      byte[] read = new byte[data.length];
      assertThrows(IOException.class, () -> reader.readFully(0, ByteBuffer.wrap(read)));
    }
    cluster.hook =
        request -> {
          if (request instanceof StatFileRequest) {
            throw new EggsException(ErrorCode.FILE_NOT_FOUND);
          }
        };
    assertThrows(EggsException.class, () -> client.files().open(id).close());
    assertNoBuffers(client);
  }

  @Test
  void aMomentWithoutPlacesIsWaitedFor() throws Exception {
    byte[] data = data(100_000, 14);
    cluster.placesToRefuse.set(3);
    assertArrayEquals(data, read(write("/later", data)));
    assertEquals(0, cluster.placesToRefuse.get());
    assertEquals(4, cluster.requests(ShardKind.ADD_SPAN_INITIATE));
  }

  @Test
  void failedBlockWritesGoElsewhere() throws Exception {
    for (FakeBlockServer.Fault fault :
        new FakeBlockServer.Fault[] {
          FakeBlockServer.Fault.ERROR, FakeBlockServer.Fault.RESET, FakeBlockServer.Fault.NONSENSE
        }) {
      try (FakeCluster faulty = new FakeCluster(8)) {
        faulty.blockServers.get(2).fault = fault;
        faulty.blockServers.get(5).fault = fault;
        try (EggsClient c = faulty.connect()) {
          byte[] data = data(5 * (256 << 10) + 9999, 10);
          long id;
          try (FileWriter writer = c.paths().create("/f")) {
            writer.write(data);
            id = writer.commit();
          }
          for (long offset : faulty.spanOffsets(id)) {
            for (int b = 0; b < 6; b++) {
              FakeBlockServer at = faulty.serverOf(id, offset, b);
              assertEquals(FakeBlockServer.Fault.NONE, at.fault, "no block at a bad server");
            }
          }
          try (FileReader reader = c.files().open(id)) {
            ByteBuffer all = ByteBuffer.allocate(data.length);
            reader.readFully(0, all);
            assertArrayEquals(data, all.array());
          }
          assertTrue(c.spanRetries() > 0);
        }
      }
    }
  }

  @Test
  void hungBlockWritesGoElsewhere() throws Exception {
    cluster.blockServers.get(3).fault = FakeBlockServer.Fault.HANG;
    byte[] data = data(200_000, 13);
    // Which servers are picked is up to the cluster; several files make the hung one nearly
    // certain.
    List<Long> ids = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      ids.add(write("/hung" + i, data));
    }
    assertTrue(client.spanRetries() > 0);
    for (long id : ids) {
      assertArrayEquals(data, read(id));
    }
  }

  @Test
  void deadServersAreReadAroundAndWrittenAround() throws Exception {
    byte[] data = data(600_000, 14);
    long id = write("/before", data);
    cluster.blockServers.get(0).close();
    cluster.blockServers.get(1).close();
    assertArrayEquals(data, read(id));
    assertArrayEquals(data, read(write("/after", data)));
    assertNoBuffers(client);
  }

  @Test
  void aWriteThatCannotSucceedFailsAndStaysFailed() throws Exception {
    for (FakeBlockServer server : cluster.blockServers) {
      server.fault = FakeBlockServer.Fault.ERROR;
    }
    try (EggsClient hasty = cluster.connect(b -> b.writeDeadline(Duration.ofMillis(100)))) {
      FileWriter writer = hasty.paths().create("/fails");
      writer.write(data(100_000, 11));
      Exception e = assertThrows(Exception.class, writer::commit);
      assertTrue(e instanceof IOException || e instanceof EggsException, e.toString());
      assertThrows(IOException.class, () -> writer.write(1));
      writer.close();
      assertNoBuffers(hasty);
    }
  }

  @Test
  void lossAndDuplicationDoNotChangeTheOutcome() throws Exception {
    cluster.lossPercent = 20;
    cluster.doublePercent = 20;
    byte[] data = data(4 * (256 << 10) + 1, 12);
    long id = write("/lossy", data);
    assertArrayEquals(data, read(id));
    client.paths().rename("/lossy", "/renamed");
    assertEquals(id, client.paths().resolve("/renamed").id());
    client.paths().unlink("/renamed");
    cluster.lossPercent = 0;
    assertThrows(EggsException.class, () -> client.paths().resolve("/renamed"));
  }

  /** Connections that have answered before: their requests would be worth another try otherwise. */
  @Test
  @Timeout(60)
  void closingTheClientEndsWhatWaitsForBlockServers() throws Exception {
    byte[] data = data(200_000, 20);
    EggsClient closing = cluster.connect(b -> b.readDeadline(Duration.ZERO));
    long id;
    try (FileWriter writer = closing.paths().create("/f")) {
      writer.write(data);
      id = writer.commit();
    }
    FileWriter writer = closing.paths().create("/g");
    writer.write(data);
    try (FileReader reader = closing.files().open(id);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      ByteBuffer all = ByteBuffer.allocate(data.length);
      reader.readFully(0, all);
      assertArrayEquals(data, all.array());
      cluster.blockServers.forEach(server -> server.fault = FakeBlockServer.Fault.HANG);
      int before = blockRequests();
      Future<Integer> read = threads.submit(() -> reader.read(0, all.clear()));
      Future<Long> written = threads.submit(writer::commit);
      while (blockRequests() < before + 4 + 6) {
        Thread.sleep(10);
      }
      closing.close();
      Throwable failure = assertThrows(ExecutionException.class, read::get).getCause();
      assertTrue(failure instanceof IOException, failure.toString());
      failure = assertThrows(ExecutionException.class, written::get).getCause();
      assertTrue(failure instanceof IOException || failure instanceof EggsException);
      writer.close();
    }
    assertEquals(0, closing.bufferBytes());
  }

  @Test
  void concurrentSmallFiles() throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Boolean>> results = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        int n = i;
        results.add(
            threads.submit(
                () -> {
                  byte[] data = data(n * 97, n);
                  return Arrays.equals(data, read(write("/c" + n, data)));
                }));
      }
      for (Future<Boolean> result : results) {
        assertTrue(result.get());
      }
    }
    assertNoBuffers(client);
  }
}
