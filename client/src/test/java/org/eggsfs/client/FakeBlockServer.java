package org.eggsfs.client;

import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32C;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * A block server in memory that can be told to misbehave. Serves any block service id; its proof of
 * a block is the block id plus one.
 */
final class FakeBlockServer implements AutoCloseable {
  /** What it does wrong. */
  enum Fault {
    NONE,
    /** Accepts and never answers. */
    HANG,
    /** Closes in the middle of a fetch's data, or instead of answering a write. */
    RESET,
    /** Flips a bit of the first page of every fetch. */
    FLIP_DATA,
    /** Flips a bit of the CRC of the last page of every fetch. */
    FLIP_CRC,
    /** Answers every request with an error. */
    ERROR,
    /** Answers fetches with intact pages of other data; a check finds nothing wrong. */
    OTHER_DATA,
    /** Answers nonsense. */
    NONSENSE
  }

  private final ServerSocket listener;
  private final Map<Long, byte[]> blocks = new ConcurrentHashMap<>();
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final AtomicInteger connections = new AtomicInteger();
  private final AtomicInteger requests = new AtomicInteger();
  private final AtomicInteger checks = new AtomicInteger();
  volatile Fault fault = Fault.NONE;
  volatile long fetchDelayMillis;

  /** Fetches wait until it is open; null = they do not wait. */
  volatile CountDownLatch fetchGate;

  /** Number of requests after which a connection is closed without a word; 0 = never. */
  volatile int requestsPerConnection;

  FakeBlockServer() throws IOException {
    listener = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  AddrsInfo addrs() {
    return Addresses.of(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.getLocalPort()));
  }

  /** How often it was asked whether a block is right. */
  int checks() {
    return checks.get();
  }

  int connections() {
    return connections.get();
  }

  int requests() {
    return requests.get();
  }

  Map<Long, byte[]> blocks() {
    return blocks;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        connections.incrementAndGet();
        sockets.add(socket);
        Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      DataInputStream in = new DataInputStream(socket.getInputStream());
      OutputStream out = new BufferedOutputStream(socket.getOutputStream(), 1 << 16);
      for (int served = 0; requestsPerConnection == 0 || served < requestsPerConnection; served++) {
        if (!serveOne(in, out)) {
          return;
        }
        out.flush();
      }
    } catch (IOException e) {
      // The client has gone, or this server was closed.
    } finally {
      sockets.remove(socket);
    }
  }

  private static ByteBuffer read(DataInputStream in, int count) throws IOException {
    byte[] bytes = new byte[count];
    in.readFully(bytes);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private boolean serveOne(DataInputStream in, OutputStream out) throws IOException {
    ByteBuffer head;
    try {
      head = read(in, 13);
    } catch (EOFException e) {
      return false;
    }
    requests.incrementAndGet();
    int kind = head.get(12);
    if (fault == Fault.HANG) {
      pause(60_000);
      return false;
    }
    if (fault == Fault.NONSENSE) {
      out.write(new byte[64]);
      return true;
    }
    return switch (kind) {
      case BlocksKind.WRITE_BLOCK -> write(in, out);
      case BlocksKind.FETCH_BLOCK_WITH_CRC -> fetch(in, out);
      case BlocksKind.CHECK_BLOCK -> check(in, out);
      default -> false;
    };
  }

  private boolean write(DataInputStream in, OutputStream out) throws IOException {
    ByteBuffer fields = read(in, 24);
    long id = fields.getLong();
    int crc = fields.getInt();
    byte[] body = new byte[fields.getInt()];
    in.readFully(body);
    if (fault == Fault.RESET) {
      return false;
    }
    if (fault == Fault.ERROR) {
      error(out, ErrorCode.INTERNAL_ERROR);
      return true;
    }
    if (crc(body, 0, body.length) != crc) {
      error(out, ErrorCode.BAD_BLOCK_CRC);
      return true;
    }
    blocks.put(id, body);
    head(out, BlocksKind.WRITE_BLOCK);
    out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(id + 1).array());
    return true;
  }

  private boolean fetch(DataInputStream in, OutputStream out) throws IOException {
    ByteBuffer fields = read(in, 28);
    long id = fields.getLong(8);
    int offset = fields.getInt(20);
    int count = fields.getInt(24);
    pause(fetchDelayMillis);
    CountDownLatch gate = fetchGate;
    if (gate != null) {
      await(gate);
    }
    byte[] block = blocks.get(id);
    if (fault == Fault.ERROR || block == null || offset + count > block.length) {
      error(out, block == null ? ErrorCode.BLOCK_NOT_FOUND : ErrorCode.BLOCK_IO_ERROR_FILE);
      return true;
    }
    head(out, BlocksKind.FETCH_BLOCK_WITH_CRC);
    byte[] page = new byte[ProtocolConstants.PAGE_WITH_CRC_SIZE];
    for (int at = offset; at < offset + count; at += 4096) {
      System.arraycopy(block, at, page, 0, 4096);
      if (fault == Fault.OTHER_DATA) {
        page[at / 4096 % 4096] ^= 0x55;
      }
      int crc = crc(page, 0, 4096);
      boolean last = at + 4096 == offset + count;
      if (fault == Fault.FLIP_DATA && at == offset) {
        page[17] ^= 1;
      }
      if (fault == Fault.FLIP_CRC && last) {
        crc ^= 0x100;
      }
      ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN).putInt(4096, crc);
      if (fault == Fault.RESET && last) {
        out.write(page, 0, 100);
        out.flush();
        return false;
      }
      out.write(page);
    }
    return true;
  }

  private boolean check(DataInputStream in, OutputStream out) throws IOException {
    read(in, 16);
    checks.incrementAndGet();
    head(out, BlocksKind.CHECK_BLOCK);
    return true;
  }

  private static int crc(byte[] bytes, int offset, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }

  private static void head(OutputStream out, int kind) throws IOException {
    out.write(
        ByteBuffer.allocate(5)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(ProtocolConstants.MAGIC_BLOCKS_RESPONSE)
            .put((byte) kind)
            .array());
  }

  private static void error(OutputStream out, ErrorCode code) throws IOException {
    head(out, 0);
    out.write(code.code() & 0xff);
    out.write(code.code() >>> 8);
  }

  private static void await(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends all connections, as a restart would; new ones are accepted. */
  void dropConnections() {
    for (Socket socket : sockets) {
      close(socket);
    }
  }

  private static void close(AutoCloseable socket) {
    try {
      socket.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    close(listener);
    dropConnections();
  }
}
