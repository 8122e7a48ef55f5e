package org.eggsfs.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.CdcAtLocationRequest;
import org.eggsfs.protocol.shuckle.CdcAtLocationResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The client against the framed server and against raw sockets that misbehave. The server under
 * test answers CdcAtLocation with the location as lastSeen, odd locations with an error.
 */
@Timeout(60)
class FrameTrafficTest {
  private static final Duration SHORT = Duration.ofMillis(400);
  private static final Duration LONG = Duration.ofSeconds(20);

  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
  }

  private <T extends AutoCloseable> T opened(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private static final class OddIsError implements TcpFrameServer.Handler {
    @Override
    public CompletableFuture<TcpFrameServer.Reply> handle(ByteBuffer request) {
      ShuckleRequest decoded = ShuckleRequest.decode(request.get() & 0xff, request);
      int location = ((CdcAtLocationRequest) decoded).locationId();
      return CompletableFuture.completedFuture(location % 2 == 1 ? error() : response(location));
    }

    @Override
    public boolean waitsForEarlier(ByteBuffer request) {
      return false;
    }
  }

  private static TcpFrameServer.Reply error() {
    return new TcpFrameServer.Reply() {
      @Override
      public int size() {
        return 13;
      }

      @Override
      public void encode(ByteBuffer out) {
        Frames.putShuckleError(out, ErrorCode.BLOCK_SERVICE_NOT_FOUND);
      }
    };
  }

  private static TcpFrameServer.Reply response(int location) {
    ShuckleResponse message = new CdcAtLocationResponse(Addresses.NONE, location);
    return new TcpFrameServer.Reply() {
      @Override
      public int size() {
        return Frames.SHUCKLE_HEADER_SIZE + 1 + message.encodedSize();
      }

      @Override
      public void encode(ByteBuffer out) {
        Frames.putShuckle(out, ProtocolConstants.MAGIC_SHUCKLE_RESPONSE, message.kind(), message);
      }
    };
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private TcpFrameServer server(int port, int connectionsMax, Duration idle, Duration frame)
      throws IOException {
    TcpFrameServer.Options options =
        new TcpFrameServer.Options(
            ProtocolConstants.MAGIC_SHUCKLE_REQUEST,
            connectionsMax,
            16 << 20,
            64 << 20,
            LONG,
            idle,
            frame);
    return opened(TcpFrameServer.start(List.of(loopback(port)), options, new OddIsError()));
  }

  private ShuckleClient client(InetSocketAddress... servers) {
    return opened(new ShuckleClient(List.of(servers), Duration.ofSeconds(2), LONG));
  }

  private static CdcAtLocationRequest request(int location) {
    return new CdcAtLocationRequest(location);
  }

  private static byte[] frame(int location) {
    ByteBuffer out = Frames.buffer(10);
    ShuckleRequest request = request(location);
    Frames.putShuckle(out, ProtocolConstants.MAGIC_SHUCKLE_REQUEST, request.kind(), request);
    return out.array();
  }

  @Test
  void answersCallsAndKeepsTheConnection() throws Exception {
    TcpFrameServer server = server(0, 1, LONG, LONG);
    ShuckleClient client = client(server.addresses().getFirst());
    for (int location = 0; location < 20; location += 2) {
      CdcAtLocationResponse response = client.call(request(location));
      assertEquals(location, response.lastSeen());
    }
    assertEquals(1, server.connectionCount());
  }

  @Test
  void errorsAreExceptionsAndTheNextCallWorks() throws Exception {
    TcpFrameServer server = server(0, 10, LONG, LONG);
    ShuckleClient client = client(server.addresses().getFirst());
    EggsException e = assertThrows(EggsException.class, () -> client.call(request(1)));
    assertEquals(ErrorCode.BLOCK_SERVICE_NOT_FOUND, e.code());
    CdcAtLocationResponse response = client.call(request(4));
    assertEquals(4, response.lastSeen());
  }

  @Test
  void pipelinedCallsKeepOrderAcrossErrors() throws Exception {
    TcpFrameServer server = server(0, 10, LONG, LONG);
    ShuckleClient client = client(server.addresses().getFirst());
    // More than the server takes into work at once.
    List<ShuckleRequest> requests = new ArrayList<>();
    for (int i = 0; i < 3 * TcpFrameServer.IN_WORK_MAX; i++) {
      requests.add(request(i % 251));
    }
    List<ShuckleClient.Outcome> outcomes = client.callAll(requests);
    assertEquals(requests.size(), outcomes.size());
    for (int i = 0; i < outcomes.size(); i++) {
      int location = i % 251;
      if (location % 2 == 1) {
        assertEquals(ErrorCode.BLOCK_SERVICE_NOT_FOUND, outcomes.get(i).error());
      } else {
        assertEquals(location, ((CdcAtLocationResponse) outcomes.get(i).get()).lastSeen());
      }
    }
  }

  /** TernFS's servers send an error code once; both forms must keep a pipeline in step. */
  @Test
  void understandsServersThatSendTheCodeOnce() throws Exception {
    ServerSocket listener = opened(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
    Thread thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try (Socket socket = listener.accept()) {
                    ByteBuffer out = Frames.buffer(64);
                    Frames.putShuckleError(out, ErrorCode.INVALID_REPLICA);
                    out.position(out.position() - 2);
                    response(6).encode(out);
                    socket.getOutputStream().write(out.array(), 0, out.position());
                    socket.getInputStream().readNBytes(20);
                  } catch (IOException e) {
                    throw new AssertionError(e);
                  }
                });
    ShuckleClient client = client(loopback(listener.getLocalPort()));
    List<ShuckleClient.Outcome> outcomes = client.callAll(List.of(request(5), request(6)));
    assertEquals(ErrorCode.INVALID_REPLICA, outcomes.getFirst().error());
    assertEquals(6, ((CdcAtLocationResponse) outcomes.getLast().get()).lastSeen());
    thread.join();
  }

  @Test
  void aRestartedServerIsFoundAgain() throws Exception {
    TcpFrameServer first = server(0, 10, LONG, LONG);
    InetSocketAddress address = first.addresses().getFirst();
    ShuckleClient client = client(address);
    client.call(request(0));
    first.close();
    server(address.getPort(), 10, LONG, LONG);
    CdcAtLocationResponse response = client.call(request(2));
    assertEquals(2, response.lastSeen());
  }

  @Test
  void movesOnToAServerThatAnswers() throws Exception {
    TcpFrameServer good = server(0, 10, LONG, LONG);
    ServerSocket closing = opened(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
    Thread.ofVirtual()
        .start(
            () -> {
              // A replica that is not the leader: it reads and closes without an answer.
              while (true) {
                try (Socket socket = closing.accept()) {
                  socket.getInputStream().readNBytes(10);
                } catch (IOException e) {
                  return;
                }
              }
            });
    int dead;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      dead = socket.getLocalPort();
    }
    ShuckleClient client =
        client(loopback(dead), loopback(closing.getLocalPort()), good.addresses().getFirst());
    CdcAtLocationResponse response = client.call(request(8));
    assertEquals(8, response.lastSeen());
  }

  @Test
  void givesUpWhenNobodyAnswers() throws Exception {
    ServerSocket silent = opened(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
    ShuckleClient client =
        opened(
            new ShuckleClient(
                List.of(loopback(silent.getLocalPort())), Duration.ofSeconds(1), SHORT));
    IOException e = assertThrows(IOException.class, () -> client.call(request(0)));
    assertInstanceOf(java.net.SocketTimeoutException.class, e);
  }

  /** A server that hangs is not asked again and again. */
  @Test
  void theNextCallAfterSilenceAsksAnotherServer() throws Exception {
    TcpFrameServer good = server(0, 10, LONG, LONG);
    ServerSocket silent = opened(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
    ShuckleClient client =
        opened(
            new ShuckleClient(
                List.of(loopback(silent.getLocalPort()), good.addresses().getFirst()),
                Duration.ofSeconds(1),
                SHORT));
    assertThrows(java.net.SocketTimeoutException.class, () -> client.call(request(0)));
    CdcAtLocationResponse response = client.call(request(2));
    assertEquals(2, response.lastSeen());
  }

  @Test
  void closesNewConnectionsAtTheLimitAndServesTheOldOnes() throws Exception {
    TcpFrameServer server = server(0, 2, LONG, LONG);
    InetSocketAddress address = server.addresses().getFirst();
    Socket one = opened(new Socket(address.getAddress(), address.getPort()));
    Socket two = opened(new Socket(address.getAddress(), address.getPort()));
    assertAnswered(one);
    assertAnswered(two);
    Socket three = opened(new Socket(address.getAddress(), address.getPort()));
    assertEquals(-1, three.getInputStream().read());
    assertAnswered(one);
    one.close();
    // The slot is free again once the server has noticed.
    ShuckleClient client = client(address);
    CdcAtLocationResponse response = null;
    while (response == null) {
      try {
        response = client.call(request(2));
      } catch (IOException e) {
        Thread.onSpinWait();
      }
    }
    assertEquals(2, response.lastSeen());
    assertTrue(server.refusedCount() >= 1);
  }

  @Test
  void atTheLimitTheLongestIdleMakesPlace() throws Exception {
    CountDownLatch arrived = new CountDownLatch(1);
    CompletableFuture<TcpFrameServer.Reply> late = new CompletableFuture<>();
    OddIsError others = new OddIsError();
    TcpFrameServer.Handler lateForFour =
        new TcpFrameServer.Handler() {
          @Override
          public CompletableFuture<TcpFrameServer.Reply> handle(ByteBuffer request) {
            if (request.get(request.position() + 1) == 4) {
              arrived.countDown();
              return late;
            }
            return others.handle(request);
          }

          @Override
          public boolean waitsForEarlier(ByteBuffer request) {
            return false;
          }
        };
    TcpFrameServer.Options options =
        new TcpFrameServer.Options(
            ProtocolConstants.MAGIC_SHUCKLE_REQUEST,
            2,
            16 << 20,
            64 << 20,
            Duration.ofNanos(1),
            LONG,
            LONG);
    TcpFrameServer server =
        opened(TcpFrameServer.start(List.of(loopback(0)), options, lateForFour));
    InetSocketAddress address = server.addresses().getFirst();
    Socket busy = opened(new Socket(address.getAddress(), address.getPort()));
    busy.getOutputStream().write(frame(4));
    arrived.await();
    Socket idle = served(address);
    for (int i = 0; i < 5; i++) {
      Socket next = served(address);
      assertTrue(readsEnd(idle));
      idle = next;
    }
    assertEquals(5, server.evictedCount());
    late.complete(response(4));
    assertEquals(29, busy.getInputStream().readNBytes(29).length);
  }

  /** A connection that was answered; refused ones are tried again, as the others may be busy. */
  private Socket served(InetSocketAddress address) throws IOException {
    while (true) {
      Socket socket = opened(new Socket(address.getAddress(), address.getPort()));
      try {
        socket.getOutputStream().write(frame(2));
        if (socket.getInputStream().readNBytes(29).length == 29) {
          return socket;
        }
      } catch (IOException e) {
        socket.close();
      }
    }
  }

  private static void assertAnswered(Socket socket) throws IOException {
    socket.getOutputStream().write(frame(2));
    byte[] answer = new DataInputStream(socket.getInputStream()).readNBytes(29);
    assertEquals(29, answer.length);
    assertEquals(2, answer[21]);
  }

  @Test
  void closesOnOversizedLengthWrongMagicAndNonsense() throws Exception {
    TcpFrameServer server = server(0, 100, LONG, LONG);
    InetSocketAddress address = server.addresses().getFirst();
    Random random = new Random(7);
    for (int i = 0; i < 60; i++) {
      byte[] bytes = new byte[8 + random.nextInt(300)];
      random.nextBytes(bytes);
      ByteBuffer buffer = ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
      if (i % 3 == 0) {
        buffer.putInt(0, ProtocolConstants.MAGIC_SHUCKLE_REQUEST);
        buffer.putInt(4, (16 << 20) + 1 + i);
      } else if (i % 3 == 1) {
        buffer.putInt(0, ProtocolConstants.MAGIC_SHUCKLE_REQUEST);
        buffer.putInt(4, bytes.length - 8);
        bytes[8 % bytes.length] = (byte) 0xff;
      }
      try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
        socket.getOutputStream().write(bytes);
        socket.shutdownOutput();
        assertTrue(readsEnd(socket), "connection " + i);
      }
    }
    CdcAtLocationResponse response = client(address).call(request(2));
    assertEquals(2, response.lastSeen());
  }

  /** Whether the peer ends the connection without an answer; a reset counts. */
  private static boolean readsEnd(Socket socket) {
    try {
      return socket.getInputStream().read() == -1;
    } catch (IOException e) {
      return true;
    }
  }

  @Test
  void closesSlowAndSilentPeers() throws Exception {
    TcpFrameServer server = server(0, 10, LONG, SHORT);
    InetSocketAddress address = server.addresses().getFirst();
    // Half a request, then nothing.
    Socket slow = opened(new Socket(address.getAddress(), address.getPort()));
    slow.getOutputStream().write(frame(2), 0, 5);
    assertTrue(readsEnd(slow));
    // One byte at a time does not prolong the time of a request.
    Socket dripping = opened(new Socket(address.getAddress(), address.getPort()));
    ByteBuffer header = Frames.buffer(8);
    header.putInt(ProtocolConstants.MAGIC_SHUCKLE_REQUEST).putInt(1 << 20);
    dripping.getOutputStream().write(header.array());
    assertThrows(
        IOException.class,
        () -> {
          while (true) {
            dripping.getOutputStream().write(1);
            Thread.sleep(20);
          }
        });
    // Silence between requests is allowed for much longer.
    Socket idle = opened(new Socket(address.getAddress(), address.getPort()));
    assertAnswered(idle);
    Thread.sleep(3 * SHORT.toMillis());
    assertAnswered(idle);

    TcpFrameServer impatient = server(0, 10, SHORT, SHORT);
    Socket silent =
        opened(new Socket(address.getAddress(), impatient.addresses().getFirst().getPort()));
    assertTrue(readsEnd(silent));
  }

  @Test
  void closesPeersThatDoNotReadTheirAnswers() throws Exception {
    TcpFrameServer server = server(0, 10, LONG, SHORT);
    InetSocketAddress address = server.addresses().getFirst();
    Socket deaf = opened(new Socket());
    deaf.setReceiveBufferSize(4096);
    deaf.connect(address);
    byte[] many = new byte[10 * 4096];
    for (int i = 0; i < many.length; i += 10) {
      System.arraycopy(frame(2), 0, many, i, 10);
    }
    assertThrows(
        IOException.class,
        () -> {
          while (true) {
            deaf.getOutputStream().write(many);
          }
        });
  }

  @Test
  void growsWithLargeRequests() throws Exception {
    TcpFrameServer.Handler echoSize =
        new TcpFrameServer.Handler() {
          @Override
          public CompletableFuture<TcpFrameServer.Reply> handle(ByteBuffer request) {
            return CompletableFuture.completedFuture(response(request.remaining() % 251));
          }

          @Override
          public boolean waitsForEarlier(ByteBuffer request) {
            return true;
          }
        };
    TcpFrameServer server =
        opened(
            TcpFrameServer.start(
                List.of(loopback(0)),
                TcpFrameServer.Options.standard(ProtocolConstants.MAGIC_SHUCKLE_REQUEST),
                echoSize));
    InetSocketAddress address = server.addresses().getFirst();
    Socket socket = opened(new Socket(address.getAddress(), address.getPort()));
    for (int size : List.of(1, 4088, 4089, 65_536, 1_000_000, 16 << 20, 3)) {
      ByteBuffer out = Frames.buffer(8 + size);
      out.putInt(ProtocolConstants.MAGIC_SHUCKLE_REQUEST).putInt(size);
      socket.getOutputStream().write(out.array());
      byte[] answer = socket.getInputStream().readNBytes(29);
      assertEquals(size % 251, answer[21] & 0xff);
    }
  }

  /** Answers each request once the test lets it, and reckons with all memory for each. */
  private static final class Greedy implements TcpFrameServer.Handler {
    final AtomicInteger inWork = new AtomicInteger();
    final AtomicInteger inWorkMax = new AtomicInteger();
    final CountDownLatch arrived = new CountDownLatch(1);
    final CountDownLatch mayAnswer = new CountDownLatch(1);

    @Override
    public CompletableFuture<TcpFrameServer.Reply> handle(ByteBuffer request) {
      inWorkMax.accumulateAndGet(inWork.incrementAndGet(), Math::max);
      arrived.countDown();
      CompletableFuture<TcpFrameServer.Reply> reply = new CompletableFuture<>();
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  mayAnswer.await();
                } catch (InterruptedException e) {
                  throw new AssertionError(e);
                }
                inWork.decrementAndGet();
                reply.complete(response(2));
              });
      return reply;
    }

    @Override
    public boolean waitsForEarlier(ByteBuffer request) {
      return false;
    }

    @Override
    public long memory(ByteBuffer request) {
      return Long.MAX_VALUE / 2;
    }
  }

  private InetSocketAddress greedyServer(Greedy handler, Duration frame) throws IOException {
    TcpFrameServer.Options options =
        new TcpFrameServer.Options(
            ProtocolConstants.MAGIC_SHUCKLE_REQUEST, 100, 16 << 20, 1 << 20, LONG, LONG, frame);
    return opened(TcpFrameServer.start(List.of(loopback(0)), options, handler))
        .addresses()
        .getFirst();
  }

  /** However much a request takes: it is served, and alone if need be. */
  @Test
  void requestsWaitForTheMemoryOfOthers() throws Exception {
    Greedy handler = new Greedy();
    InetSocketAddress address = greedyServer(handler, LONG);
    List<Socket> sockets = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Socket socket = opened(new Socket(address.getAddress(), address.getPort()));
      // Two at once: a connection must not wait for what it holds itself.
      socket.getOutputStream().write(frame(2));
      socket.getOutputStream().write(frame(2));
      sockets.add(socket);
    }
    handler.arrived.await();
    handler.mayAnswer.countDown();
    for (Socket socket : sockets) {
      assertEquals(58, socket.getInputStream().readNBytes(58).length);
    }
    assertEquals(1, handler.inWorkMax.get());
  }

  @Test
  void whoGetsNoMemoryInTimeIsClosed() throws Exception {
    Greedy handler = new Greedy();
    InetSocketAddress address = greedyServer(handler, SHORT);
    Socket first = opened(new Socket(address.getAddress(), address.getPort()));
    first.getOutputStream().write(frame(2));
    handler.arrived.await();
    Socket second = opened(new Socket(address.getAddress(), address.getPort()));
    second.getOutputStream().write(frame(2));
    assertTrue(readsEnd(second));
    handler.mayAnswer.countDown();
    assertEquals(29, first.getInputStream().readNBytes(29).length);
    assertAnswered(first);
  }

  /** Goal: parts of requests that never end leave memory for whole ones. */
  @Test
  void requestsThatNeverEndAreBounded() throws Exception {
    TcpFrameServer.Options options =
        new TcpFrameServer.Options(
            ProtocolConstants.MAGIC_SHUCKLE_REQUEST, 100, 16 << 20, 1 << 20, LONG, LONG, LONG);
    TcpFrameServer server =
        opened(TcpFrameServer.start(List.of(loopback(0)), options, new OddIsError()));
    InetSocketAddress address = server.addresses().getFirst();
    Socket good = opened(new Socket(address.getAddress(), address.getPort()));
    assertAnswered(good);
    ByteBuffer part = Frames.buffer(200_000);
    part.putInt(ProtocolConstants.MAGIC_SHUCKLE_REQUEST).putInt(1 << 20);
    for (int i = 0; i < 10; i++) {
      // Each comes to hold 256 KiB; there are 512 for all.
      Socket endless = opened(new Socket(address.getAddress(), address.getPort()));
      try {
        endless.getOutputStream().write(part.array());
      } catch (IOException e) {
        assertTrue(readsEnd(endless));
      }
    }
    while (server.connectionCount() > 3) {
      assertAnswered(good);
    }
    assertAnswered(good);
  }
}
