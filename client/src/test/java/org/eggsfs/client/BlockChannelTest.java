package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.eggsfs.client.blocks.BlockChannel;
import org.eggsfs.client.blocks.BlockDeadlines;
import org.eggsfs.client.blocks.BlockOp;
import org.eggsfs.client.blocks.ControlOp;
import org.eggsfs.client.blocks.FetchOp;
import org.eggsfs.client.blocks.WriteOp;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests to block servers all end, however many wait and whatever becomes of connections. */
@Timeout(60)
final class BlockChannelTest {
  /** Requests on one connection; more wait. */
  private static final int DEPTH = 32;

  private static BlockChannel channel(int connections, BlockDeadlines deadlines)
      throws IOException {
    return new BlockChannel(1, connections, List.of(), deadlines);
  }

  private static BlockDeadlines deadlines(Duration connect, Duration answer) {
    return new BlockDeadlines(connect.toNanos(), answer.toNanos(), answer.toNanos());
  }

  private static WriteOp write(AddrsInfo addrs, long block, CountDownLatch done) {
    return new WriteOp(
        addrs,
        1,
        block,
        0,
        0,
        new ByteBuffer[] {ByteBuffer.allocateDirect(100)},
        op -> done.countDown());
  }

  /** A server that does not even take connections: nobody accepts, and the queue is full. */
  private static final class BlackHole implements AutoCloseable {
    final ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    final List<Socket> queued = new ArrayList<>();

    BlackHole() throws IOException {
      while (true) {
        Socket socket = new Socket();
        try {
          socket.connect(address(), 300);
          queued.add(socket);
        } catch (SocketTimeoutException e) {
          socket.close();
          return;
        }
      }
    }

    InetSocketAddress address() {
      return new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.getLocalPort());
    }

    @Override
    public void close() throws IOException {
      listener.close();
      for (Socket socket : queued) {
        socket.close();
      }
    }
  }

  private static void assertAllFailTogether(AddrsInfo addrs) throws Exception {
    int connections = 4;
    try (BlockChannel channel =
        channel(connections, deadlines(Duration.ofMillis(300), Duration.ofSeconds(30)))) {
      int count = 10 * connections * DEPTH;
      CountDownLatch done = new CountDownLatch(count);
      List<BlockOp> ops = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        ops.add(ControlOp.check(addrs, 1, i, 1, 0, op -> done.countDown()));
      }
      channel.submitAll(ops);
      done.await();
      for (BlockOp op : ops) {
        assertInstanceOf(SocketTimeoutException.class, op.failure());
      }
      // Not 32 after 32.
      assertTrue(
          channel.counters().connectFailures() <= 2L * connections,
          channel.counters().connectFailures() + " connections failed");
    }
  }

  @Test
  void whatWaitsForAnUnreachableServerFailsTogether() throws Exception {
    try (BlackHole hole = new BlackHole()) {
      assertAllFailTogether(Addresses.of(hole.address()));
    }
  }

  @Test
  void whatWaitsForAServerWithTwoUnreachableAddressesFailsTogether() throws Exception {
    try (BlackHole one = new BlackHole();
        BlackHole other = new BlackHole()) {
      assertAllFailTogether(Addresses.of(one.address(), other.address()));
    }
  }

  @Test
  void theOtherAddressServesWhenOneIsUnreachable() throws Exception {
    try (BlackHole hole = new BlackHole();
        FakeBlockServer server = new FakeBlockServer();
        BlockChannel channel =
            channel(4, deadlines(Duration.ofMillis(300), Duration.ofSeconds(30)))) {
      InetSocketAddress good = Addresses.list(server.addrs()).getFirst();
      int count = 20 * DEPTH;
      CountDownLatch done = new CountDownLatch(count);
      List<BlockOp> ops = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        ops.add(
            ControlOp.check(
                Addresses.of(hole.address(), good), 1, i, 1, 0, op -> done.countDown()));
      }
      channel.submitAll(ops);
      done.await();
      for (BlockOp op : ops) {
        assertEquals(null, op.failure());
      }
    }
  }

  @Test
  void aWriteThatWaitsForItsTurnCanBeCancelled() throws Exception {
    try (FakeBlockServer server = new FakeBlockServer();
        BlockChannel channel = channel(1, BlockDeadlines.DEFAULT)) {
      server.fault = FakeBlockServer.Fault.HANG;
      List<WriteOp> ops = new ArrayList<>();
      CountDownLatch none = new CountDownLatch(1);
      for (int i = 0; i < DEPTH; i++) {
        ops.add(write(server.addrs(), i, none));
      }
      CountDownLatch done = new CountDownLatch(1);
      WriteOp waiting = write(server.addrs(), DEPTH, done);
      ops.add(waiting);
      channel.submitAll(ops);
      channel.cancel(waiting);
      done.await();
      assertNotNull(waiting.failure());
      assertFalse(ops.getFirst().isDone(), "others go on");
    }
  }

  @Test
  void aWriteThatWaitsAgainCanBeCancelled() throws Exception {
    try (FakeBlockServer server = new FakeBlockServer();
        BlockChannel channel = channel(1, BlockDeadlines.DEFAULT)) {
      CountDownLatch first = new CountDownLatch(1);
      channel.submit(write(server.addrs(), 1000, first));
      first.await();
      server.fault = FakeBlockServer.Fault.HANG;
      int before = server.requests();
      List<WriteOp> ops = new ArrayList<>();
      CountDownLatch done = new CountDownLatch(1);
      for (int i = 0; i < 2 * DEPTH + 8; i++) {
        ops.add(write(server.addrs(), i, i == 0 ? done : new CountDownLatch(1)));
      }
      channel.submitAll(ops);
      while (server.requests() == before) {
        Thread.sleep(10);
      }
      server.dropConnections();
      while (server.connections() < 2) {
        Thread.sleep(10);
      }
      // It was on the connection, and is behind those that were not.
      channel.cancel(ops.getFirst());
      done.await();
      assertNotNull(ops.getFirst().failure());
      assertFalse(ops.getLast().isDone(), "others go on");
    }
  }

  /** Reads give up what they have asked for before there was a connection. */
  @Test
  void aRequestBehindCancelledOnesIsSent() throws Exception {
    try (BlackHole hole = new BlackHole();
        BlockChannel channel = channel(1, BlockDeadlines.DEFAULT)) {
      AddrsInfo addrs = Addresses.of(hole.address());
      List<FetchOp> ops = new ArrayList<>();
      for (int i = 0; i <= DEPTH; i++) {
        FetchOp.Target target =
            new FetchOp.Target(ByteBuffer.allocateDirect(4096), 0, 0, 4096, 4096, new int[1]);
        ops.add(new FetchOp(addrs, 1, 1, i, 0, 0, 4096, target, op -> {}));
      }
      channel.submitAll(ops);
      ops.subList(0, DEPTH).forEach(FetchOp::cancel);
      for (int i = 0; i < hole.queued.size(); i++) {
        hole.listener.accept().close();
      }
      try (Socket connection = hole.listener.accept()) {
        byte[] request = connection.getInputStream().readNBytes(13 + 28);
        assertEquals(13 + 28, request.length);
      }
    }
  }

  /** It has been asked, and says nothing: that others are asked too does not put its end off. */
  @Test
  void aServerThatNeverAnswersIsGivenUpWhileRequestsKeepComing() throws Exception {
    try (FakeBlockServer server = new FakeBlockServer();
        BlockChannel channel =
            channel(1, deadlines(Duration.ofSeconds(30), Duration.ofSeconds(1)))) {
      server.fault = FakeBlockServer.Fault.HANG;
      CountDownLatch done = new CountDownLatch(1);
      BlockOp first = ControlOp.check(server.addrs(), 1, 0, 1, 0, op -> done.countDown());
      channel.submit(first);
      int more = 0;
      while (!first.isDone()) {
        Thread.sleep(200);
        channel.submit(ControlOp.check(server.addrs(), 1, ++more, 1, 0, op -> {}));
      }
      assertInstanceOf(SocketTimeoutException.class, first.failure());
      assertTrue(more < DEPTH, "before there was room for no more: " + more);
    }
  }
}
