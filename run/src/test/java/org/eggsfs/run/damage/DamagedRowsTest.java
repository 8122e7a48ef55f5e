package org.eggsfs.run.damage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
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
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import org.eggsfs.cdc.server.CdcConfig;
import org.eggsfs.cdc.server.CdcServer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.eggsfs.shard.server.ShardHost;
import org.eggsfs.shard.server.ShardHostConfig;
import org.eggsfs.shuckle.server.ShuckleConfig;
import org.eggsfs.shuckle.server.ShuckleServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * Goal: a server whose rows are damaged says so and names the row, or answers INTERNAL_ERROR to
 * what needs the row and goes on with the rest; never another answer. Method: a bit of one value
 * after the other is flipped behind the back of shard, CDC and shuckle.
 */
class DamagedRowsTest {
  private static final InetSocketAddress ANY =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  private static final InetSocketAddress NOBODY = new InetSocketAddress("127.0.0.1", 1);

  /** Keys of a shard: shard, table; the table with what a start needs. */
  private static final int META = 1;

  @TempDir Path directory;
  private long nextId = 1;

  /** Keys of all rows that are asked for. */
  private static List<byte[]> keys(Path role, Predicate<byte[]> wanted) throws RocksDBException {
    List<byte[]> keys = new ArrayList<>();
    try (Options options = new Options();
        RocksDB raw = RocksDB.open(options, role.resolve("db").toString());
        RocksIterator all = raw.newIterator()) {
      for (all.seekToFirst(); all.isValid(); all.next()) {
        if (wanted.test(all.key())) {
          keys.add(all.key());
        }
      }
    }
    return keys;
  }

  /** Flips a bit in the middle of the value; done again it repairs. */
  private static void flip(Path role, byte[] key) throws RocksDBException {
    try (Options options = new Options();
        RocksDB raw = RocksDB.open(options, role.resolve("db").toString())) {
      byte[] value = raw.get(key);
      value[value.length / 2] ^= 1;
      raw.put(key, value);
    }
  }

  private static void assertNames(Exception error, byte[] key) {
    assertTrue(error.getMessage().contains(HexFormat.of().formatHex(key)), error.getMessage());
    assertTrue(error.getMessage().contains("damaged"), error.getMessage());
  }

  // ---------------------------------------------------------------- shard

  private ShardHost shard(AtomicBoolean failed) throws IOException {
    BitSet shards = new BitSet();
    shards.set(0);
    return ShardHost.start(
        ShardHostConfig.of(directory.resolve("shard"), List.of(NOBODY)).withShards(shards),
        () -> failed.set(true));
  }

  private ByteBuffer ask(DatagramSocket socket, ShardHost host, int kind, Message body)
      throws IOException {
    long id = nextId++;
    ByteBuffer out = Frames.buffer(1472);
    Frames.putUdp(out, ProtocolConstants.MAGIC_SHARD_REQUEST, id, kind, body);
    socket.setSoTimeout(1000);
    for (int i = 0; i < 60; i++) {
      socket.send(new DatagramPacket(out.array(), out.position(), host.addresses(0).getFirst()));
      DatagramPacket packet = new DatagramPacket(new byte[9000], 9000);
      try {
        socket.receive(packet);
      } catch (SocketTimeoutException e) {
        continue;
      }
      ByteBuffer in = Frames.buffer(packet.getLength());
      in.put(packet.getData(), 0, packet.getLength()).flip();
      if (in.getLong(4) == id) {
        return in.position(12);
      }
    }
    throw new AssertionError("no answer to " + ShardKind.name(kind));
  }

  /** Null if it succeeded. */
  private ErrorCode error(DatagramSocket socket, ShardHost host, int kind, Message body)
      throws IOException {
    ByteBuffer answer = ask(socket, host, kind, body);
    return answer.get() == 0 ? ErrorCode.ofCode(answer.getShort()) : null;
  }

  private ConstructFileResponse construct(DatagramSocket socket, ShardHost host)
      throws IOException {
    ByteBuffer answer =
        ask(
            socket,
            host,
            ShardKind.CONSTRUCT_FILE,
            new ConstructFileRequest(InodeType.FILE, new byte[] {'n'}));
    assertEquals(ShardKind.CONSTRUCT_FILE, answer.get() & 0xff);
    return ConstructFileResponse.decode(answer);
  }

  private static byte[] name(String name) {
    return name.getBytes(StandardCharsets.US_ASCII);
  }

  @Test
  void aShardAnswersInternalErrorForADamagedRowOnly() throws IOException, RocksDBException {
    AtomicBoolean failed = new AtomicBoolean();
    long linked;
    try (DatagramSocket socket = new DatagramSocket();
        ShardHost host = shard(failed)) {
      ConstructFileResponse file = construct(socket, host);
      linked = file.id();
      LinkFileRequest link =
          new LinkFileRequest(file.id(), file.cookie(), InodeIds.ROOT, name("file"));
      assertEquals(null, error(socket, host, ShardKind.LINK_FILE, link));
    }
    Path role = directory.resolve("shard");
    List<byte[]> rows = keys(role, key -> key[1] != META);
    assertEquals(3, rows.size(), "the root, its edge, the file");
    for (byte[] row : rows) {
      flip(role, row);
      int errors = 0;
      try (DatagramSocket socket = new DatagramSocket();
          ShardHost host = shard(failed)) {
        ConstructFileResponse other = construct(socket, host);
        List<ErrorCode> answers =
            List.of(
                orNone(
                    error(
                        socket,
                        host,
                        ShardKind.STAT_DIRECTORY,
                        new StatDirectoryRequest(InodeIds.ROOT))),
                orNone(
                    error(
                        socket,
                        host,
                        ShardKind.LOOKUP,
                        new LookupRequest(InodeIds.ROOT, name("file")))),
                orNone(
                    error(
                        socket,
                        host,
                        ShardKind.READ_DIR,
                        new ReadDirRequest(InodeIds.ROOT, 0, 1472))),
                orNone(error(socket, host, ShardKind.STAT_FILE, new StatFileRequest(linked))),
                orNone(
                    error(
                        socket,
                        host,
                        ShardKind.LINK_FILE,
                        new LinkFileRequest(
                            other.id(), other.cookie(), InodeIds.ROOT, name("file")))));
        for (ErrorCode answer : answers) {
          assertTrue(answer.equals(NONE) || answer == ErrorCode.INTERNAL_ERROR, () -> "" + answers);
          errors += answer == ErrorCode.INTERNAL_ERROR ? 1 : 0;
        }
        construct(socket, host);
      }
      assertTrue(errors > 0 && errors < 5, errors + " errors");
      assertFalse(failed.get());
      if (keys(role, key -> java.util.Arrays.equals(key, row)).size() == 1) {
        flip(role, row);
      }
    }
  }

  /** Lists take no null; no request of the test is answered so. */
  private static final ErrorCode NONE = ErrorCode.EDGE_NOT_FOUND;

  private static ErrorCode orNone(ErrorCode error) {
    assertFalse(NONE.equals(error));
    return error == null ? NONE : error;
  }

  @Test
  void aShardWithoutItsMetaRowsDoesNotStart() throws IOException, RocksDBException {
    AtomicBoolean failed = new AtomicBoolean();
    shard(failed).close();
    Path role = directory.resolve("shard");
    List<byte[]> rows = keys(role, key -> key[1] == META && key[2] <= 2);
    assertEquals(2, rows.size(), "the secret and the applied index");
    for (byte[] row : rows) {
      flip(role, row);
      assertNames(assertThrows(IOException.class, () -> shard(failed)), row);
      flip(role, row);
    }
    shard(failed).close();
  }

  // ---------------------------------------------------------------- CDC and shuckle

  @Test
  void aCdcWithADamagedRowDoesNotStart() throws IOException, RocksDBException {
    CdcConfig config =
        new CdcConfig(
            directory.resolve("cdc"),
            List.of(ANY),
            List.of(NOBODY),
            ProtocolConstants.DEFAULT_LOCATION,
            null,
            null,
            null);
    CdcServer.start(config, () -> {}).close();
    List<byte[]> rows = keys(directory.resolve("cdc"), key -> true);
    assertFalse(rows.isEmpty());
    for (byte[] row : rows) {
      flip(directory.resolve("cdc"), row);
      assertNames(
          assertThrows(IOException.class, () -> CdcServer.start(config, () -> {}).close()), row);
      flip(directory.resolve("cdc"), row);
    }
    CdcServer.start(config, () -> {}).close();
  }

  @Test
  void aShuckleWithADamagedRowDoesNotStart() throws Exception {
    Path role = directory.resolve("shuckle");
    ShuckleConfig config = ShuckleConfig.builder(role).bindAddresses(List.of(ANY)).build();
    try (ShuckleServer server = ShuckleServer.start(config)) {
      register(server);
    }
    List<byte[]> rows = keys(role, key -> true);
    assertTrue(rows.stream().anyMatch(key -> key[0] == 'B'), "no row of a block service");
    for (byte[] row : rows) {
      // The middle of a block service's row is about its failure domain.
      flip(role, row);
      assertNames(assertThrows(IOException.class, () -> ShuckleServer.start(config).close()), row);
      flip(role, row);
    }
    ShuckleServer.start(config).close();
  }

  private static void register(ShuckleServer server) throws IOException, EggsException {
    try (ShuckleClient client = new ShuckleClient(server.addresses())) {
      client.call(
          new RegisterBlockServicesRequest(
              List.of(
                  new RegisterBlockServiceInfo(
                      7,
                      0,
                      Addresses.of(NOBODY),
                      StorageClass.FLASH,
                      new FailureDomain(new byte[16]),
                      new byte[16],
                      0,
                      0,
                      1L << 40,
                      1L << 39,
                      0,
                      name("/disk")))));
    }
  }
}
