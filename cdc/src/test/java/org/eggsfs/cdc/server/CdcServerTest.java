package org.eggsfs.cdc.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.Measurement;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcSnapshotRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryResponse;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shuckle.LocalCdcRequest;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.shard.server.ShardHost;
import org.eggsfs.shard.server.ShardHostConfig;
import org.eggsfs.shuckle.server.ShuckleConfig;
import org.eggsfs.shuckle.server.ShuckleServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: the server over real sockets, a real disk, real shards and a real shuckle. Method: packets
 * of a plain socket. The shards and the CDC's data live through all tests, as they belong together.
 */
class CdcServerTest {
  private static final long ROOT = InodeIds.ROOT;
  private static final int READY_SECONDS_MAX = 60;

  @TempDir static Path directory;
  private static ShuckleServer shuckle;
  private static ShardHost shards;
  private static int names;

  private final AtomicInteger failures = new AtomicInteger();
  private CdcServer cdc;
  private TestClient client;

  @BeforeAll
  static void startTheOthers() throws IOException {
    shuckle =
        ShuckleServer.start(
            ShuckleConfig.builder(directory.resolve("shuckle"))
                .bindAddresses(List.of(new InetSocketAddress("127.0.0.1", 0)))
                .build());
    shards =
        ShardHost.start(
            ShardHostConfig.of(directory.resolve("shards"), List.of(shuckle.address())), () -> {});
  }

  @AfterAll
  static void stopTheOthers() {
    shards.close();
    shuckle.close();
  }

  private static CdcConfig config() {
    return new CdcConfig(
        directory.resolve("cdc"),
        List.of(new InetSocketAddress("127.0.0.1", 0), new InetSocketAddress("127.0.0.2", 0)),
        List.of(shuckle.address()),
        0,
        null,
        null,
        null);
  }

  private void start(CdcConfig config) throws IOException, InterruptedException {
    cdc = CdcServer.start(config, failures::incrementAndGet);
    for (int i = 0; i < READY_SECONDS_MAX * 100 && !cdc.isReady(); i++) {
      Thread.sleep(10);
    }
    assertTrue(cdc.isReady());
  }

  @BeforeEach
  void start() throws IOException, InterruptedException {
    start(config());
    client = new TestClient();
  }

  @AfterEach
  void stop() {
    client.close();
    cdc.close();
    assertEquals(0, failures.get());
  }

  private static byte[] bytes(String name) {
    return name.getBytes(StandardCharsets.UTF_8);
  }

  private static String freshName() {
    names++;
    return "n" + names;
  }

  private MakeDirectoryResponse mkdir(long owner, String name) throws IOException, EggsException {
    return (MakeDirectoryResponse)
        client.call(cdc.address(), new MakeDirectoryRequest(owner, bytes(name)));
  }

  private LookupResponse lookup(long owner, String name) throws IOException, EggsException {
    return (LookupResponse)
        client.call(
            shards.addresses(InodeIds.shard(owner)).getFirst(),
            new LookupRequest(owner, bytes(name)));
  }

  private StatDirectoryResponse stat(long id) throws IOException, EggsException {
    return (StatDirectoryResponse)
        client.call(shards.addresses(InodeIds.shard(id)).getFirst(), new StatDirectoryRequest(id));
  }

  @Test
  void directoriesAreMadeMovedAndRemoved() throws IOException, EggsException {
    String a = freshName();
    String b = freshName();
    MakeDirectoryResponse made = mkdir(ROOT, a);
    assertEquals(new LookupResponse(made.id(), made.creationTime()), lookup(ROOT, a));
    assertEquals(ROOT, stat(made.id()).owner());
    MakeDirectoryResponse into = mkdir(ROOT, b);
    RenameDirectoryResponse moved =
        (RenameDirectoryResponse)
            client.call(
                cdc.address(),
                new RenameDirectoryRequest(
                    made.id(), ROOT, bytes(a), made.creationTime(), into.id(), bytes("c")));
    assertEquals(new LookupResponse(made.id(), moved.creationTime()), lookup(into.id(), "c"));
    assertEquals(into.id(), stat(made.id()).owner());
    client.call(
        cdc.address(),
        new SoftUnlinkDirectoryRequest(into.id(), made.id(), moved.creationTime(), bytes("c")));
    EggsException e = assertThrows(EggsException.class, () -> lookup(into.id(), "c"));
    assertEquals(ErrorCode.NAME_NOT_FOUND, e.code());
    assertEquals(InodeIds.NULL, stat(made.id()).owner());
  }

  @Test
  void whatIsWrongOnItsFaceIsAnsweredAtOnce() {
    CdcServer.Counters before = cdc.counters();
    EggsException e = assertThrows(EggsException.class, () -> mkdir(ROOT, ".."));
    assertEquals(ErrorCode.BAD_NAME, e.code());
    assertEquals(before.shardRequests(), cdc.counters().shardRequests());
  }

  @Test
  void metricsTellWhatWasAsked() throws IOException, EggsException {
    mkdir(ROOT, freshName());
    assertThrows(EggsException.class, () -> mkdir(ROOT, "."));
    // An answer is counted after it was sent.
    mkdir(ROOT, freshName());
    String text =
        cdc.measurements().stream().map(Measurement::toString).collect(Collectors.joining("\n"));
    assertTrue(
        text.matches("(?s).*eggsfs_cdc_requests,kind=MAKE_DIRECTORY count=[1-9]\\d*i.*"), text);
    assertTrue(text.matches("(?s).*eggsfs_cdc_errors,error=BAD_NAME count=[1-9]\\d*i.*"), text);
    assertTrue(
        text.matches(
            "(?s).*eggsfs_cdc_shard_requests,kind=CREATE_DIRECTORY_INODE count=[1-9]\\d*i.*"),
        text);
    assertTrue(
        text.matches(
            "(?s).*eggsfs_cdc_transactions in_flight=\\d+i,stuck=0i,dropped=0i\n"
                + "eggsfs_cdc_packets requests=[1-9]\\d*i,.*,to_shards=[1-9]\\d*i,.*"
                + "eggsfs_cdc_log entries=[1-9]\\d*i,items=[1-9]\\d*i,batches=[1-9]\\d*i\n"
                + "eggsfs_cdc_storage used=[1-9].*"),
        text);
  }

  @Test
  void answersComeFromTheSocketThatWasAsked() throws IOException {
    for (InetSocketAddress address : cdc.addresses()) {
      client.send(address, client.nextId(), new MakeDirectoryRequest(ROOT, bytes(freshName())));
      DatagramPacket answer = client.receive(10_000);
      assertNotNull(answer);
      assertEquals(address, answer.getSocketAddress());
    }
  }

  @Test
  void theShuckleKnowsWhereItIs() throws IOException, EggsException {
    try (ShuckleClient asking = new ShuckleClient(List.of(shuckle.address()))) {
      LocalCdcResponse found = asking.call(new LocalCdcRequest());
      assertEquals(cdc.addresses(), Addresses.list(found.addrs()));
    }
  }

  @Test
  void aBurstOfCopiesIsDoneOnceAndAnsweredOnce() throws IOException, EggsException {
    MakeDirectoryRequest request = new MakeDirectoryRequest(ROOT, bytes(freshName()));
    long id = client.nextId();
    for (int i = 0; i < 20; i++) {
      client.send(cdc.address(), id, request);
    }
    Set<ByteBuffer> answers = new HashSet<>();
    for (DatagramPacket p = client.receive(10_000); p != null; p = client.receive(300)) {
      answers.add(TestClient.content(p));
    }
    assertEquals(1, answers.size(), "copies that come after the end get the same answer");
    assertTrue(cdc.counters().duplicates() >= 19);
    ByteBuffer answer = answers.iterator().next();
    answer.position(12);
    MakeDirectoryResponse made = (MakeDirectoryResponse) TestClient.decode(answer, request);
    assertEquals(
        made.id(), lookup(ROOT, new String(request.name(), StandardCharsets.UTF_8)).targetId());
  }

  /** Done a second time it would be EDGE_NOT_FOUND. */
  @Test
  void aRepeatedRequestGetsItsAnswerAlsoAfterARestart()
      throws IOException, EggsException, InterruptedException {
    String a = freshName();
    MakeDirectoryResponse made = mkdir(ROOT, a);
    SoftUnlinkDirectoryRequest request =
        new SoftUnlinkDirectoryRequest(ROOT, made.id(), made.creationTime(), bytes(a));
    long id = client.nextId();
    client.call(cdc.address(), id, request);
    client.call(cdc.address(), id, request);
    List<InetSocketAddress> addresses = cdc.addresses();
    cdc.close();
    start(config());
    assertEquals(addresses, cdc.addresses(), "clients need not look again");
    client.call(cdc.address(), id, request);
    EggsException e =
        assertThrows(
            EggsException.class, () -> client.call(cdc.address(), client.nextId(), request));
    assertEquals(ErrorCode.EDGE_NOT_FOUND, e.code());
  }

  @Test
  void manyAtOnceInOneDirectory() throws IOException, EggsException {
    MakeDirectoryResponse parent = mkdir(ROOT, freshName());
    Map<Long, CdcRequest> waiting = new HashMap<>();
    for (int i = 0; i < 500; i++) {
      waiting.put(client.nextId(), new MakeDirectoryRequest(parent.id(), bytes("d" + i)));
    }
    Set<Long> ids = new HashSet<>();
    for (int round = 0; round < 20 && !waiting.isEmpty(); round++) {
      for (Map.Entry<Long, CdcRequest> request : waiting.entrySet()) {
        client.send(cdc.address(), request.getKey(), request.getValue());
      }
      for (DatagramPacket p = client.receive(1000); p != null; p = client.receive(1000)) {
        ByteBuffer in = TestClient.content(p);
        CdcRequest request = waiting.remove(in.getLong(4));
        in.position(12);
        if (request != null) {
          ids.add(((MakeDirectoryResponse) TestClient.decode(in, request)).id());
        }
        if (waiting.isEmpty()) {
          break;
        }
      }
    }
    assertTrue(waiting.isEmpty());
    assertEquals(500, ids.size());
  }

  @Test
  void rubbishIsDroppedSilently() throws IOException, EggsException {
    Random random = new Random(7);
    MakeDirectoryRequest good = new MakeDirectoryRequest(ROOT, bytes(freshName()));
    ByteBuffer frame = Frames.buffer(100);
    Frames.putUdp(frame, ProtocolConstants.MAGIC_CDC_REQUEST, 5, good.kind(), good);
    byte[] bytes = Arrays.copyOf(frame.array(), frame.position());
    for (int length = 0; length < bytes.length; length++) {
      send(Arrays.copyOf(bytes, length));
    }
    send(Arrays.copyOf(bytes, bytes.length + 1));
    send(new byte[9000]);
    for (int i = 0; i < 2000; i++) {
      byte[] packet = new byte[random.nextInt(60)];
      random.nextBytes(packet);
      if (i % 2 == 0 && packet.length > 13) {
        System.arraycopy(bytes, 0, packet, 0, 4);
        packet[12] = (byte) random.nextInt(10);
        // A null inode and an empty name parse; everything else about them is wrong.
        Arrays.fill(packet, 13, packet.length, random.nextInt(3) == 0 ? 0 : packet[11]);
      }
      send(packet);
    }
    assertNotNull(mkdir(ROOT, freshName()));
    assertTrue(cdc.counters().malformed() > 100);
  }

  private void send(byte[] packet) throws IOException {
    client.socket.send(new DatagramPacket(packet, packet.length, cdc.address()));
  }

  @Test
  void snapshotsAreMadeOnlyWhenAllowed() throws IOException, EggsException, InterruptedException {
    CdcSnapshotRequest request = new CdcSnapshotRequest(-1);
    EggsException e = assertThrows(EggsException.class, () -> client.call(cdc.address(), request));
    assertEquals(ErrorCode.NOT_AUTHORISED, e.code());
    cdc.close();
    start(config().withSnapshots(true));
    client.call(cdc.address(), request);
    client.call(cdc.address(), request);
    Path snapshot = directory.resolve("cdc").resolve("snapshot-" + Long.toUnsignedString(-1));
    assertTrue(Files.isDirectory(snapshot));
    Files.createFile(directory.resolve("cdc").resolve("snapshot-9"));
    EggsException taken =
        assertThrows(
            EggsException.class, () -> client.call(cdc.address(), new CdcSnapshotRequest(9)));
    assertEquals(ErrorCode.CANNOT_CREATE_DB_SNAPSHOT, taken.code());
  }

  @Test
  void whatIsInUseIsRefusedWithAReason(@TempDir Path other) {
    IOException inUse = assertThrows(IOException.class, () -> CdcServer.start(config(), () -> {}));
    assertTrue(inUse.getMessage().contains("in use"), inUse::getMessage);
    CdcConfig samePort =
        new CdcConfig(
            other, List.of(cdc.address()), List.of(shuckle.address()), 0, null, null, null);
    IOException taken = assertThrows(IOException.class, () -> CdcServer.start(samePort, () -> {}));
    assertTrue(taken.getMessage().contains("cannot bind"), taken::getMessage);
  }

  @Test
  void theConfigurationIsChecked() {
    InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    assertThrows(
        IllegalArgumentException.class,
        () -> new CdcConfig(directory, List.of(), List.of(any), 0, null, null, null));
    assertThrows(
        IllegalArgumentException.class,
        () -> new CdcConfig(directory, List.of(any), List.of(any), 255, null, null, null));
    assertThrows(
        IllegalArgumentException.class,
        () -> new CdcConfig(directory, List.of(any), List.of(any), 0, 0L, null, null));
    assertThrows(IllegalArgumentException.class, () -> config().withCdcKey(new byte[15]));
  }
}
