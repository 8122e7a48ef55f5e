package org.eggsfs.run.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.eggsfs.blocks.server.BlockServer;
import org.eggsfs.blocks.server.BlockServerConfig;
import org.eggsfs.cdc.server.CdcConfig;
import org.eggsfs.cdc.server.CdcServer;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.FetchBlockRequest;
import org.eggsfs.protocol.cdc.CdcKind;
import org.eggsfs.protocol.cdc.CdcSnapshotRequest;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shuckle.InfoRequest;
import org.eggsfs.run.fuzz.MessageSeeds.Seed;
import org.eggsfs.shard.server.ShardHost;
import org.eggsfs.shard.server.ShardHostConfig;
import org.eggsfs.shuckle.server.ShuckleConfig;
import org.eggsfs.shuckle.server.ShuckleServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: nothing that arrives at a port ends a server, hangs it, or makes it throw what it did not
 * mean to. Method: damaged requests of every kind, framed as they should be and sometimes not,
 * signed ones with a good signature; in between and at the end, good requests must be answered; and
 * nothing may be logged as an unexpected failure. {@code -Deggs.fuzz=SECONDS} goes on for so long
 * at each port.
 */
class PortFuzzTest {
  private static final int ROUNDS = 3;
  private static final int FRAMES_PER_CONNECTION = 20;
  private static final int PATIENCE_MILLIS = 30_000;
  private static final CbcMac CDC_KEY = new CbcMac(ProtocolConstants.keyCdc());

  @TempDir Path directory;

  private final SplittableRandom random = new SplittableRandom(Fuzzing.SEED);
  private final MessageMutator mutator = new MessageMutator(random);
  private final AtomicBoolean failed = new AtomicBoolean();
  private final AtomicReference<LogRecord> unexpected = new AtomicReference<>();
  private final Logger root = Logger.getLogger("");
  private final Handler watcher =
      new Handler() {
        @Override
        public void publish(LogRecord record) {
          if (record.getLevel().intValue() >= Level.SEVERE.intValue()
              && record.getThrown() != null) {
            unexpected.compareAndSet(null, record);
          }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  private List<Seed> seeds;
  private ShuckleServer shuckle;

  @BeforeEach
  void start() throws IOException, ReflectiveOperationException {
    seeds = MessageSeeds.load();
    root.addHandler(watcher);
    shuckle =
        ShuckleServer.start(
            ShuckleConfig.builder(directory.resolve("shuckle"))
                .bindAddresses(List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))
                .build());
  }

  @AfterEach
  void stop() {
    shuckle.close();
    root.removeHandler(watcher);
  }

  private void assertUnharmed() {
    LogRecord record = unexpected.get();
    if (record != null) {
      throw new AssertionError(record.getMessage(), record.getThrown());
    }
    assertFalse(failed.get(), "a server has failed");
  }

  /** Bytes as a message. */
  private record Raw(byte[] bytes) implements Message {
    @Override
    public int encodedSize() {
      return bytes.length;
    }

    @Override
    public void encode(ByteBuffer out) {
      out.put(bytes);
    }
  }

  private Raw damaged(Seed seed) {
    // Some stay good: they bring a server into states where damage means something.
    return new Raw(
        random.nextInt(6) == 0
            ? seed.bytes()
            : mutator.mutate(seed.bytes(), seeds.get(random.nextInt(seeds.size())).bytes()));
  }

  /** Now and then the frame is damaged, too. */
  private byte[] sealed(ByteBuffer frame) {
    byte[] bytes = new byte[frame.position()];
    frame.get(0, bytes);
    return random.nextInt(10) == 0 ? mutator.mutate(bytes, bytes) : bytes;
  }

  private interface Sender {
    void send(Seed seed) throws IOException;
  }

  private void sendAll(String service, Sender sender, Check alive) throws IOException {
    List<Seed> requests =
        seeds.stream().filter(s -> s.service().equals(service) && s.isRequest()).toList();
    long end = Fuzzing.end();
    for (int round = 0; round < ROUNDS || System.nanoTime() < end; round++) {
      for (Seed seed : requests) {
        sender.send(seed);
      }
      alive.check();
      assertUnharmed();
    }
  }

  private interface Check {
    void check() throws IOException;
  }

  // ---------------------------------------------------------------- UDP

  private static final int DATAGRAM_MAX = 60_000;

  private static void send(DatagramSocket socket, InetSocketAddress to, byte[] bytes)
      throws IOException {
    socket.send(new DatagramPacket(bytes, Math.min(bytes.length, DATAGRAM_MAX), to));
  }

  /** Asks until the answer comes, between whatever else comes. */
  private static void expectAnswer(
      DatagramSocket socket, InetSocketAddress to, byte[] frame, long id) throws IOException {
    socket.setSoTimeout(500);
    DatagramPacket packet = new DatagramPacket(new byte[9000], 9000);
    long end = System.nanoTime() + PATIENCE_MILLIS * 1_000_000L;
    while (System.nanoTime() < end) {
      send(socket, to, frame);
      try {
        do {
          socket.receive(packet);
        } while (Frames.buffer(packet.getLength())
                .put(packet.getData(), 0, packet.getLength())
                .getLong(4)
            != id);
        return;
      } catch (SocketTimeoutException e) {
        // It is asked again.
        assertNotNull(e);
      }
    }
    throw new AssertionError("a good request is not answered");
  }

  private static byte[] bytes(ByteBuffer frame) {
    byte[] bytes = new byte[frame.position()];
    frame.get(0, bytes);
    return bytes;
  }

  @Test
  void shard() throws IOException {
    BitSet shards = new BitSet();
    shards.set(0);
    try (ShardHost host =
            ShardHost.start(
                ShardHostConfig.of(directory.resolve("shard"), shuckle.addresses())
                    .withShards(shards),
                () -> failed.set(true));
        DatagramSocket socket = new DatagramSocket()) {
      InetSocketAddress to = host.addresses(0).getFirst();
      ByteBuffer good = Frames.buffer(100);
      Frames.putUdp(
          good,
          ProtocolConstants.MAGIC_SHARD_REQUEST,
          -7,
          ShardKind.STAT_DIRECTORY,
          new StatDirectoryRequest(InodeIds.ROOT));
      sendAll(
          "shard",
          seed -> {
            ByteBuffer frame = Frames.buffer(1 << 20);
            if (ShardKind.isPrivileged(seed.kind()) || random.nextInt(4) == 0) {
              Frames.putSignedRequest(
                  frame, random.nextLong(), seed.kind(), damaged(seed), CDC_KEY);
              send(socket, to, bytes(frame));
            } else {
              Frames.putUdp(
                  frame,
                  ProtocolConstants.MAGIC_SHARD_REQUEST,
                  random.nextLong(),
                  seed.kind(),
                  damaged(seed));
              send(socket, to, sealed(frame));
            }
          },
          () -> expectAnswer(socket, to, bytes(good), -7));
    }
  }

  @Test
  void cdc() throws IOException {
    try (CdcServer cdc =
            CdcServer.start(
                new CdcConfig(
                    directory.resolve("cdc"),
                    List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)),
                    shuckle.addresses(),
                    ProtocolConstants.DEFAULT_LOCATION,
                    null,
                    null,
                    null),
                () -> failed.set(true));
        DatagramSocket socket = new DatagramSocket()) {
      InetSocketAddress to = cdc.address();
      ByteBuffer good = Frames.buffer(100);
      // A snapshot is not allowed, which the CDC says at once.
      Frames.putUdp(
          good,
          ProtocolConstants.MAGIC_CDC_REQUEST,
          -7,
          CdcKind.CDC_SNAPSHOT,
          new CdcSnapshotRequest(1));
      sendAll(
          "cdc",
          seed -> {
            ByteBuffer frame = Frames.buffer(1 << 20);
            Frames.putUdp(
                frame,
                ProtocolConstants.MAGIC_CDC_REQUEST,
                random.nextLong(),
                seed.kind(),
                damaged(seed));
            send(socket, to, sealed(frame));
          },
          () -> expectAnswer(socket, to, bytes(good), -7));
    }
  }

  // ---------------------------------------------------------------- TCP

  /** Sends frames, says that it is done, and waits until the server has said so, too. */
  private static void converse(InetSocketAddress to, List<byte[]> frames) throws IOException {
    try (Socket socket = new Socket(to.getAddress(), to.getPort())) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      Thread reader = Thread.ofVirtual().unstarted(() -> readToEnd(socket));
      reader.start();
      try {
        for (byte[] frame : frames) {
          socket.getOutputStream().write(frame);
        }
        socket.shutdownOutput();
      } catch (SocketException e) {
        // The server has had enough of this connection.
        assertNotNull(e.getMessage());
      }
      reader.join(2L * PATIENCE_MILLIS);
      assertFalse(reader.isAlive(), "the server neither answers nor closes");
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static void readToEnd(Socket socket) {
    try (InputStream in = socket.getInputStream()) {
      in.transferTo(OutputStream.nullOutputStream());
    } catch (SocketTimeoutException e) {
      throw new AssertionError("the server neither answers nor closes", e);
    } catch (IOException e) {
      // A reset is an end, too.
      assertNotNull(e);
    }
  }

  /** Collects frames into connections. */
  private final class Batch {
    private final InetSocketAddress to;
    private final ArrayList<byte[]> frames = new ArrayList<>();

    Batch(InetSocketAddress to) {
      this.to = to;
    }

    void add(byte[] frame) throws IOException {
      frames.add(frame);
      if (frames.size() == FRAMES_PER_CONNECTION || random.nextInt(3) == 0) {
        converse(to, frames);
        frames.clear();
      }
    }
  }

  @Test
  void shuckle() throws IOException {
    Batch batch = new Batch(shuckle.address());
    sendAll(
        "shuckle",
        seed -> {
          ByteBuffer frame = Frames.buffer(1 << 20);
          Frames.putShuckle(
              frame, ProtocolConstants.MAGIC_SHUCKLE_REQUEST, seed.kind(), damaged(seed));
          batch.add(sealed(frame));
        },
        () -> {
          try (ShuckleClient client = new ShuckleClient(shuckle.addresses())) {
            assertNotNull(client.call(new InfoRequest()));
          } catch (EggsException e) {
            throw new AssertionError(e);
          }
        });
  }

  @Test
  void blocks() throws IOException {
    try (BlockServer server =
        BlockServer.start(
            BlockServerConfig.of(
                List.of(new BlockServerConfig.Disk(directory.resolve("disk"), StorageClass.FLASH)),
                "domain",
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                List.of()))) {
      InetSocketAddress to = server.addresses().getFirst();
      long service = server.serviceIds().getFirst();
      Batch batch = new Batch(to);
      sendAll(
          "blocks",
          seed -> {
            ByteBuffer frame = Frames.buffer(1 << 20);
            Frames.putBlocksRequest(
                frame,
                random.nextInt(8) == 0 ? random.nextLong() : service,
                seed.kind(),
                damaged(seed));
            batch.add(sealed(frame));
          },
          () -> expectMissing(to, service));
    }
  }

  /** A block that is not there is said not to be. */
  private static void expectMissing(InetSocketAddress to, long service) throws IOException {
    ByteBuffer frame = Frames.buffer(100);
    Frames.putBlocksRequest(
        frame, service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(12345, 0, 4096));
    try (Socket socket = new Socket(to.getAddress(), to.getPort())) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      socket.getOutputStream().write(bytes(frame));
      ByteBuffer answer =
          Frames.buffer(Frames.BLOCKS_ERROR_SIZE)
              .put(socket.getInputStream().readNBytes(Frames.BLOCKS_ERROR_SIZE));
      assertEquals(ProtocolConstants.MAGIC_BLOCKS_RESPONSE, answer.getInt(0));
      assertEquals(ErrorCode.BLOCK_NOT_FOUND.code(), answer.getShort(5));
    }
  }
}
