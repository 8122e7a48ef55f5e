package org.eggsfs.cdc.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.RemoveInodeResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shuckle.RegisterShardRequest;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.struct.FullReadDirCursor;
import org.eggsfs.shuckle.server.ShuckleConfig;
import org.eggsfs.shuckle.server.ShuckleServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: what passes between the CDC and shards that are slow, silent, wrong or hostile. Method: two
 * sockets of the test are the two addresses of all 256 shards.
 */
class ShardChannelTest {
  private static final CbcMac KEY = new CbcMac(ProtocolConstants.keyCdc());
  private static final int PATIENCE_MILLIS = 10_000;
  private static final HardUnlinkDirectoryRequest REQUEST =
      new HardUnlinkDirectoryRequest(InodeIds.of(InodeIds.DIRECTORY, 9, 9));

  private static final byte[] NAME = {'x'};

  /** What a shard got. */
  private record Asked(long id, ShardRequest request, InetSocketAddress from, byte[] bytes) {}

  @TempDir Path directory;
  private final List<DatagramSocket> shard = new ArrayList<>();
  private ShuckleServer shuckle;
  private CdcServer cdc;
  private TestClient client;

  @BeforeEach
  void start() throws IOException, EggsException {
    shuckle =
        ShuckleServer.start(
            ShuckleConfig.builder(directory.resolve("shuckle"))
                .bindAddresses(List.of(new InetSocketAddress("127.0.0.1", 0)))
                .build());
    List<InetSocketAddress> addresses = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      shard.add(new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
      addresses.add((InetSocketAddress) shard.get(i).getLocalSocketAddress());
    }
    List<ShuckleRequest> registrations = new ArrayList<>();
    for (int i = 0; i < ProtocolConstants.SHARD_COUNT; i++) {
      registrations.add(new RegisterShardRequest(i, true, Addresses.of(addresses), 0));
    }
    try (ShuckleClient registering = new ShuckleClient(List.of(shuckle.address()))) {
      for (ShuckleClient.Outcome outcome : registering.callAll(registrations)) {
        outcome.get();
      }
    }
    startCdc();
    client = new TestClient();
  }

  private void startCdc() throws IOException {
    cdc =
        CdcServer.start(
            new CdcConfig(
                directory.resolve("cdc"),
                List.of(new InetSocketAddress("127.0.0.1", 0)),
                List.of(shuckle.address()),
                0,
                20_000_000L,
                null,
                null),
            () -> {});
  }

  @AfterEach
  void stop() {
    client.close();
    cdc.close();
    shuckle.close();
    shard.forEach(DatagramSocket::close);
  }

  private Asked receive(int socket) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[9000], 9000);
    shard.get(socket).setSoTimeout(PATIENCE_MILLIS);
    try {
      shard.get(socket).receive(packet);
    } catch (SocketTimeoutException e) {
      return null;
    }
    ByteBuffer in = TestClient.content(packet);
    byte[] bytes = in.array();
    Frames.checkMac(in, KEY);
    assertEquals(ProtocolConstants.MAGIC_CDC_TO_SHARD_REQUEST, in.getInt());
    long id = in.getLong();
    ShardRequest request = ShardRequest.decode(in.get() & 0xff, in);
    Frames.requireEnd(in);
    return new Asked(id, request, (InetSocketAddress) packet.getSocketAddress(), bytes);
  }

  private void answer(Asked asked, ByteBuffer out) throws IOException {
    shard.getFirst().send(new DatagramPacket(out.array(), out.position(), asked.from));
  }

  private static ByteBuffer success(Asked asked, int kind, Message body, CbcMac key) {
    ByteBuffer out = Frames.buffer(1472);
    Frames.putSignedResponse(out, asked.id, 5, kind, body, key);
    return out;
  }

  private static ByteBuffer error(Asked asked, ErrorCode error) {
    ByteBuffer out = Frames.buffer(1472);
    Frames.putSignedError(out, asked.id, 5, error, KEY);
    return out;
  }

  private void answer(Asked asked) throws IOException {
    answer(asked, success(asked, ShardKind.REMOVE_INODE, new RemoveInodeResponse(), KEY));
  }

  /** Waits for the answer to the client's only request. */
  private ByteBuffer clientAnswer() throws IOException {
    DatagramPacket packet = client.receive(PATIENCE_MILLIS);
    assertNotNull(packet);
    ByteBuffer in = TestClient.content(packet);
    in.position(12);
    return in;
  }

  @Test
  void silenceIsAskedAgainWithTheSameBytesAtBothAddresses() throws IOException, EggsException {
    client.send(cdc.address(), 1, REQUEST);
    Asked first = receive(0);
    Asked second = receive(1);
    Asked third = receive(0);
    assertArrayEquals(first.bytes, second.bytes);
    assertArrayEquals(first.bytes, third.bytes);
    assertEquals(first.from, second.from, "shards tell copies by id and source");
    answer(second);
    TestClient.decode(clientAnswer(), REQUEST);
    answer(third);
    assertNull(client.receive(300), "one answer");
    assertTrue(cdc.counters().shardRepeats() >= 2);
  }

  @Test
  void aShardWhoseClockStandsStillIsAskedAgainUnderANewId() throws IOException, EggsException {
    client.send(cdc.address(), 1, REQUEST);
    Asked asked = receive(0);
    for (ErrorCode error :
        List.of(
            ErrorCode.MTIME_IS_TOO_RECENT,
            ErrorCode.MORE_RECENT_CURRENT_EDGE,
            ErrorCode.MORE_RECENT_SNAPSHOT_EDGE)) {
      answer(asked, error(asked, error));
      Asked again = receive(0);
      while (again.id == asked.id) {
        again = receive(0);
      }
      assertEquals(asked.request, again.request);
      asked = again;
    }
    answer(asked);
    TestClient.decode(clientAnswer(), REQUEST);
  }

  @Test
  void anErrorReachesTheClient() throws IOException {
    client.send(cdc.address(), 1, REQUEST);
    Asked asked = receive(0);
    answer(asked, error(asked, ErrorCode.DIRECTORY_HAS_OWNER));
    ByteBuffer in = clientAnswer();
    assertEquals(0, in.get());
    assertEquals(ErrorCode.DIRECTORY_HAS_OWNER.code(), in.getShort());
    assertEquals(15, in.limit());
  }

  /** TernFS's shards say nothing to what they do not know, and answer the rest. */
  @Test
  void whatAShardDoesNotKnowIsAskedOtherwise() throws IOException {
    client.send(
        cdc.address(),
        1,
        new CrossShardHardUnlinkFileRequest(
            InodeIds.of(InodeIds.DIRECTORY, 9, 9), InodeIds.of(InodeIds.FILE, 9, 8), NAME, 5));
    for (int silences = 0; silences < 2; silences++) {
      Asked asked = receive(0);
      while (asked.request.kind() != ShardKind.LOCK_CURRENT_EDGE) {
        assertEquals(ShardKind.CONDEMN_EDGE, asked.request.kind());
        asked = receive(0);
      }
      answer(asked, error(asked, ErrorCode.EDGE_NOT_FOUND));
    }
    Asked asked = receive(0);
    while (asked.request.kind() == ShardKind.LOCK_CURRENT_EDGE) {
      asked = receive(0);
    }
    assertEquals(ShardKind.FULL_READ_DIR, asked.request.kind());
  }

  @Test
  void rubbishIsIgnored() throws IOException, EggsException {
    client.send(cdc.address(), 1, REQUEST);
    Asked asked = receive(0);
    ByteBuffer good = success(asked, ShardKind.REMOVE_INODE, new RemoveInodeResponse(), KEY);
    Random random = new Random(3);
    for (int length = 0; length < good.position(); length++) {
      answer(asked, Frames.buffer(good.position()).put(good.array(), 0, length));
    }
    for (int i = 0; i < 8 * good.position(); i++) {
      byte[] flipped = Arrays.copyOf(good.array(), good.position());
      flipped[i / 8] ^= (byte) (1 << i % 8);
      answer(asked, Frames.buffer(flipped.length).put(flipped));
    }
    for (int i = 0; i < 300; i++) {
      byte[] noise = new byte[random.nextInt(100)];
      random.nextBytes(noise);
      answer(asked, Frames.buffer(100).put(noise));
    }
    CbcMac otherKey = new CbcMac(ProtocolConstants.keyShard());
    answer(asked, success(asked, ShardKind.REMOVE_INODE, new RemoveInodeResponse(), otherKey));
    FullReadDirResponse otherKind =
        new FullReadDirResponse(new FullReadDirCursor(false, new byte[0], 0), List.of());
    answer(asked, success(asked, ShardKind.FULL_READ_DIR, otherKind, KEY));
    // Too long for its kind.
    answer(asked, success(asked, ShardKind.REMOVE_INODE, otherKind, KEY));
    assertNull(client.receive(300));
    answer(asked);
    TestClient.decode(clientAnswer(), REQUEST);
    assertTrue(cdc.counters().malformed() > 100);
  }

  @Test
  void aRestartGoesOnWhereItWas() throws IOException, EggsException {
    client.send(cdc.address(), 1, REQUEST);
    Asked before = receive(0);
    cdc.close();
    startCdc();
    Asked after = receive(0);
    while (after.from.equals(before.from)) {
      after = receive(0);
    }
    assertEquals(before.request, after.request);
    assertNotEquals(before.id, after.id);
    // The answer of the former process's request is nobody's now.
    answer(new Asked(before.id, null, after.from, null));
    assertNull(client.receive(300));
    // The client asks again, and is told when it is done.
    client.send(cdc.address(), 1, REQUEST);
    assertNull(client.receive(300));
    answer(after);
    TestClient.decode(clientAnswer(), REQUEST);
  }

  /** The read leaves at once; the change waits for the disk and for the read's answer. */
  @Test
  void aDirectoryIsMadeAfterItsNameWasLookedAt() throws IOException {
    client.send(
        cdc.address(),
        1,
        new MakeDirectoryRequest(InodeIds.ROOT, "x".getBytes(StandardCharsets.UTF_8)));
    Asked read = receive(0);
    assertEquals(ShardKind.FULL_READ_DIR, read.request.kind());
    answer(
        read,
        success(
            read,
            ShardKind.FULL_READ_DIR,
            new FullReadDirResponse(new FullReadDirCursor(false, new byte[0], 0), List.of()),
            KEY));
    Asked create = receive(0);
    while (create.id == read.id) {
      create = receive(0);
    }
    assertEquals(ShardKind.CREATE_DIRECTORY_INODE, create.request.kind());
  }
}
