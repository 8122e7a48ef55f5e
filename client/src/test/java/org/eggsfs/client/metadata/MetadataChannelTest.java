package org.eggsfs.client.metadata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.ShardInfo;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The channel against a scripted server: each test says what becomes of each packet. */
final class MetadataChannelTest {
  private static final long FILE = 0x4000_0000_0000_0100L;

  /** Called with each packet and its number from 1; answers through {@link Server}. */
  private interface Script {
    void received(Server server, int number, ByteBuffer packet, InetSocketAddress from)
        throws IOException;
  }

  private static final class Server implements AutoCloseable {
    final DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress());
    final List<byte[]> packets = Collections.synchronizedList(new ArrayList<>());
    volatile Script script;

    Server() throws IOException {
      Thread.ofPlatform().daemon().start(this::run);
    }

    private void run() {
      byte[] bytes = new byte[9000];
      while (!socket.isClosed()) {
        try {
          DatagramPacket packet = new DatagramPacket(bytes, bytes.length);
          socket.receive(packet);
          byte[] copy = Arrays.copyOf(bytes, packet.getLength());
          packets.add(copy);
          script.received(
              this,
              packets.size(),
              ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN),
              (InetSocketAddress) packet.getSocketAddress());
        } catch (IOException e) {
          return;
        }
      }
    }

    static byte[] stat(long id, long size) {
      ByteBuffer out = Frames.buffer(64);
      Frames.putUdp(
          out,
          ProtocolConstants.MAGIC_SHARD_RESPONSE,
          id,
          ShardKind.STAT_FILE,
          new StatFileResponse(1, 2, size));
      return Arrays.copyOf(out.array(), out.position());
    }

    void send(byte[] bytes, InetSocketAddress to) throws IOException {
      socket.send(new DatagramPacket(bytes, bytes.length, to));
    }

    @Override
    public void close() {
      socket.close();
    }
  }

  private static long id(ByteBuffer packet) {
    return packet.getLong(4);
  }

  private final AtomicInteger refreshes = new AtomicInteger();
  private Server server;
  private AddressBook addresses;
  private MetadataChannel channel;

  @BeforeEach
  void start() throws Exception {
    server = new Server();
    addresses =
        new AddressBook(
            new AddressBook.Source() {
              @Override
              public List<ShardInfo> shards() {
                refreshes.incrementAndGet();
                // Shard 255 is not registered.
                List<ShardInfo> shards =
                    new ArrayList<>(Collections.nCopies(255, new ShardInfo(cdc(), 1)));
                shards.add(new ShardInfo(Addresses.NONE, 0));
                return shards;
              }

              @Override
              public AddrsInfo cdc() {
                return Addresses.of((InetSocketAddress) server.socket.getLocalSocketAddress());
              }
            });
    addresses.refresh();
    open(RetryPolicy.ofMillis(20, 60, 1500));
  }

  private void open(RetryPolicy shardRetry) throws IOException {
    channel =
        new MetadataChannel(
            addresses,
            shardRetry,
            RetryPolicy.ofMillis(20, 60, 300),
            8972,
            2,
            new InetSocketAddress(0));
  }

  /** For exact numbers of packets, also on a machine that holds up the server for a while. */
  private void reopenPatiently() throws IOException {
    channel.close();
    open(RetryPolicy.ofMillis(500, 1500, 60_000));
  }

  @AfterEach
  void stop() {
    channel.close();
    server.close();
  }

  private long size() throws Exception {
    StatFileResponse stat = (StatFileResponse) channel.shard(0, new StatFileRequest(FILE), null);
    return stat.size();
  }

  @Test
  void socketsThatCannotAllBeOpenedAreClosed() throws Exception {
    InetSocketAddress free;
    try (DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      free = (InetSocketAddress) socket.getLocalSocketAddress();
    }
    assertThrows(
        BindException.class,
        () -> new MetadataChannel(addresses, RetryPolicy.SHARD, RetryPolicy.CDC, 8972, 2, free));
    // Nobody has it.
    new DatagramSocket(free).close();
  }

  @Test
  void silenceIsRepeatedWithTheSameBytes() throws Exception {
    reopenPatiently();
    server.script =
        (s, n, packet, from) -> {
          if (n == 4) {
            s.send(Server.stat(id(packet), 77), from);
          }
        };
    MetadataChannel.Attempts attempts = new MetadataChannel.Attempts();
    channel.shard(0, new StatFileRequest(FILE), attempts);
    assertEquals(4, attempts.count());
    for (byte[] packet : server.packets) {
      assertTrue(Arrays.equals(server.packets.getFirst(), packet), "all attempts are equal");
    }
    assertEquals(4, channel.counters().shard(ShardKind.STAT_FILE).attempts());
    assertEquals(1, channel.counters().shard(ShardKind.STAT_FILE).answers());
  }

  @Test
  void twoSilencesRefreshTheAddresses() throws Exception {
    Thread.sleep(1100);
    int before = refreshes.get();
    server.script =
        (s, n, packet, from) -> {
          if (n == 5) {
            s.send(Server.stat(id(packet), 1), from);
          }
        };
    size();
    for (int i = 0; i < 100 && refreshes.get() == before; i++) {
      Thread.sleep(10);
    }
    assertTrue(refreshes.get() > before);
  }

  @Test
  void aSecondAnswerIsIgnored() throws Exception {
    reopenPatiently();
    server.script =
        (s, n, packet, from) -> {
          s.send(Server.stat(id(packet), n), from);
          s.send(Server.stat(id(packet), 1000 + n), from);
        };
    for (int i = 1; i <= 20; i++) {
      assertEquals(i, size());
    }
    for (int i = 0; i < 100 && channel.counters().strayAnswers() < 20; i++) {
      Thread.sleep(10);
    }
    assertEquals(20, channel.counters().strayAnswers());
  }

  @Test
  void anErrorEndsTheRequestAtOnce() throws Exception {
    server.script =
        (s, n, packet, from) -> {
          ByteBuffer out = Frames.buffer(15);
          Frames.putUdpError(
              out, ProtocolConstants.MAGIC_SHARD_RESPONSE, id(packet), ErrorCode.FILE_NOT_FOUND);
          s.send(out.array(), from);
        };
    EggsException e = assertThrows(EggsException.class, this::size);
    assertEquals(ErrorCode.FILE_NOT_FOUND, e.code());
    assertEquals(1, server.packets.size());
  }

  @Test
  void answersThatCannotBeDecodedAreErrorsNotSuccess() throws Exception {
    byte[] good = Server.stat(0, 5);
    List<byte[]> bad = new ArrayList<>();
    bad.add(Arrays.copyOf(good, good.length - 1));
    bad.add(Arrays.copyOf(good, good.length + 1));
    byte[] otherKind = good.clone();
    otherKind[12] = 1;
    bad.add(otherKind);
    byte[] longError = new byte[16];
    System.arraycopy(good, 0, longError, 0, 4);
    longError[13] = 17;
    bad.add(longError);
    byte[] unknownError = new byte[15];
    System.arraycopy(good, 0, unknownError, 0, 4);
    unknownError[13] = (byte) 200;
    unknownError[14] = 60;
    bad.add(unknownError);
    for (byte[] answer : bad) {
      server.script =
          (s, n, packet, from) -> {
            ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN).putLong(4, id(packet));
            s.send(answer, from);
          };
      EggsException e = assertThrows(EggsException.class, this::size);
      assertEquals(ErrorCode.MALFORMED_RESPONSE, e.code());
    }
  }

  @Test
  void wrongMagicsShortPacketsAndStrangersAreIgnored() throws Exception {
    try (DatagramSocket stranger = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      server.script =
          (s, n, packet, from) -> {
            byte[] forged = Server.stat(id(packet), 666);
            stranger.send(new DatagramPacket(forged, forged.length, from));
            byte[] wrong = Server.stat(id(packet), 667);
            wrong[3] = 4;
            s.send(wrong, from);
            s.send(new byte[5], from);
            s.send(Server.stat(id(packet) ^ (1L << 40), 668), from);
            s.send(Server.stat(id(packet), 1), from);
          };
      assertEquals(1, size());
    }
  }

  @Test
  void silenceWithoutEndIsATimeout() {
    server.script = (s, n, packet, from) -> {};
    EggsException e = assertThrows(EggsException.class, this::size);
    assertEquals(ErrorCode.TIMEOUT, e.code());
    assertEquals(1, channel.counters().shard(ShardKind.STAT_FILE).timeouts());
    e =
        assertThrows(
            EggsException.class,
            () ->
                channel.cdc(
                    new MakeDirectoryRequest(ProtocolConstants.ROOT_DIR_INODE_ID, new byte[1]),
                    null));
    assertEquals(ErrorCode.TIMEOUT, e.code());
  }

  @Test
  void aShardThatIsNotThereTimesOut() {
    EggsException e =
        assertThrows(
            EggsException.class, () -> channel.shard(255, new StatFileRequest(FILE | 255), null));
    assertEquals(ErrorCode.TIMEOUT, e.code());
    assertTrue(server.packets.isEmpty());
  }

  @Test
  void pagesAreAskedForInSmallPacketsAfterSilence() throws Exception {
    List<Integer> mtus = Collections.synchronizedList(new ArrayList<>());
    server.script =
        (s, n, packet, from) -> {
          packet.position(13);
          ReadDirRequest request = ReadDirRequest.decode(packet);
          mtus.add(request.mtu());
          if (request.mtu() == 1472) {
            ByteBuffer out = Frames.buffer(64);
            Frames.putUdp(
                out,
                ProtocolConstants.MAGIC_SHARD_RESPONSE,
                id(packet),
                ShardKind.READ_DIR,
                new ReadDirResponse(0, List.of()));
            s.send(Arrays.copyOf(out.array(), out.position()), from);
          }
        };
    channel.shard(0, new ReadDirRequest(ProtocolConstants.ROOT_DIR_INODE_ID, 0, 0), null);
    assertEquals(List.of(8972, 8972, 1472), mtus);
  }

  @Test
  void anInterruptEndsOnlyItsOwnRequest() throws Exception {
    server.script =
        (s, n, packet, from) -> {
          if (n > 1) {
            s.send(Server.stat(id(packet), 9), from);
          }
        };
    Thread.currentThread().interrupt();
    assertThrows(InterruptedIOException.class, this::size);
    assertTrue(Thread.interrupted());
    server.packets.add(new byte[0]);
    assertEquals(9, size());
  }

  @Test
  void manyCallersGetTheirOwnAnswers() throws Exception {
    server.script =
        (s, n, packet, from) -> s.send(Server.stat(id(packet), packet.getLong(13) >>> 8), from);
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Void>> results = new ArrayList<>();
      for (int caller = 0; caller < 64; caller++) {
        int base = caller * 1000;
        results.add(
            callers.submit(
                () -> {
                  for (int i = 0; i < 100; i++) {
                    long file = FILE + ((base + i) << 8);
                    StatFileResponse stat =
                        (StatFileResponse) channel.shard(0, new StatFileRequest(file), null);
                    assertEquals(file >>> 8, stat.size());
                  }
                  return null;
                }));
      }
      for (Future<Void> result : results) {
        result.get();
      }
    }
    HashSet<Long> ids = new HashSet<>();
    for (byte[] packet : server.packets) {
      ids.add(id(ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN)));
    }
    assertEquals(6400, ids.size());
  }

  @Test
  void closingEndsWhoWaits() throws Exception {
    server.script = (s, n, packet, from) -> {};
    var waiting = channel.shardAsync(0, new StatFileRequest(FILE));
    channel.close();
    ExecutionException e = assertThrows(ExecutionException.class, waiting::get);
    assertInstanceOf(EggsException.class, e.getCause());
    assertThrows(EggsException.class, this::size);
  }

  @Test
  void timeoutsGrowByHalf() {
    RetryPolicy policy = RetryPolicy.ofMillis(100, 2000, 10_000);
    long elapsed = 0;
    double expected = 100e6;
    for (int i = 0; i < 6; i++) {
      long attempt = policy.attemptNanos(elapsed, 0);
      assertEquals(expected, (double) attempt, 4e6);
      elapsed += attempt;
      expected *= 1.5;
    }
    assertEquals(2000_000_000L, policy.attemptNanos(9_000_000_000L, 0));
    assertTrue(policy.isOver(10_000_000_000L));
    assertTrue(!policy.isOver(9_999_999_999L));
    assertThrows(IllegalArgumentException.class, () -> RetryPolicy.ofMillis(0, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> RetryPolicy.ofMillis(5, 4, 1));
  }
}
