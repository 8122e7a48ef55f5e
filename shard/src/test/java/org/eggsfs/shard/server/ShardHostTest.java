package org.eggsfs.shard.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.Measurement;
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
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.ShardBlockServicesResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.IpPort;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Goal: a host over real sockets and a real disk. Method: hand-made datagrams to two shards. */
class ShardHostTest {
  private static final CbcMac CDC_KEY = new CbcMac(ProtocolConstants.keyCdc());
  private static final int SILENCE_MILLIS = 300;

  @TempDir Path directory;
  private ShardHost host;
  private DatagramSocket socket;
  private long nextId = 77;

  @BeforeEach
  void start() throws IOException {
    BitSet shards = new BitSet();
    shards.set(0);
    shards.set(5);
    // Nobody listens there: the host must serve without a shuckle.
    host =
        ShardHost.start(
            ShardHostConfig.of(directory, List.of(new InetSocketAddress("127.0.0.1", 1)))
                .withShards(shards),
            () -> {});
    socket = new DatagramSocket();
  }

  @AfterEach
  void stop() {
    socket.close();
    host.close();
  }

  /** A shard that does not know a block service takes its proofs for forged. */
  @Test
  void blockServicesAreKnownFromTheFirstRequestOn() throws IOException {
    long service = 0x1234;
    BlockServiceDeprecatedInfo info =
        new BlockServiceDeprecatedInfo(
            service,
            new AddrsInfo(new IpPort(0x7f000001, 1), new IpPort(0, 0)),
            StorageClass.HDD,
            new FailureDomain(new byte[16]),
            new byte[16],
            0,
            1L << 40,
            1L << 39,
            0,
            new byte[] {'d'},
            0,
            false,
            0);
    stop();
    new BlockServiceFile(directory.resolve("block-services"))
        .save(
            new BlockServiceFile.Content(
                new AllBlockServicesDeprecatedResponse(List.of(info)),
                List.of(0),
                List.of(new ShardBlockServicesResponse(List.of()))));
    start();
    assertNotNull(host.blockServices(0).get(service));
    assertNotNull(host.blockServices(5).get(service));
  }

  private ByteBuffer exchange(int shard, ByteBuffer request) throws IOException {
    socket.setSoTimeout(10_000);
    send(shard, request);
    return receive();
  }

  private void send(int shard, ByteBuffer request) throws IOException {
    socket.send(
        new DatagramPacket(request.array(), request.position(), host.addresses(shard).getFirst()));
  }

  private ByteBuffer receive() throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[9000], 9000);
    socket.receive(packet);
    return ByteBuffer.wrap(Arrays.copyOf(packet.getData(), packet.getLength()))
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  private static ByteBuffer frame(long id, int kind, Message body) {
    ByteBuffer out = Frames.buffer(1472);
    Frames.putUdp(out, ProtocolConstants.MAGIC_SHARD_REQUEST, id, kind, body);
    return out;
  }

  private ShardResponse call(int shard, int kind, Message body) throws IOException {
    long id = nextId++;
    ByteBuffer in = exchange(shard, frame(id, kind, body));
    assertEquals(ProtocolConstants.MAGIC_SHARD_RESPONSE, in.getInt());
    assertEquals(id, in.getLong());
    assertEquals(kind, in.get() & 0xff);
    ShardResponse response = ShardResponse.decode(kind, in);
    Frames.requireEnd(in);
    return response;
  }

  private ConstructFileResponse construct(int shard) throws IOException {
    return (ConstructFileResponse)
        call(
            shard,
            ShardKind.CONSTRUCT_FILE,
            new ConstructFileRequest(InodeType.FILE, new byte[] {'n'}));
  }

  @Test
  void whatIsAnsweredIsThereAfterRestart() throws IOException {
    byte[] name = "hello.txt".getBytes(StandardCharsets.US_ASCII);
    ConstructFileResponse file = construct(0);
    call(
        0, ShardKind.LINK_FILE, new LinkFileRequest(file.id(), file.cookie(), InodeIds.ROOT, name));
    int port = host.addresses(0).getFirst().getPort();
    host.close();
    socket.close();
    start();
    assertEquals(port, host.addresses(0).getFirst().getPort());
    LookupResponse found =
        (LookupResponse) call(0, ShardKind.LOOKUP, new LookupRequest(InodeIds.ROOT, name));
    assertEquals(file.id(), found.targetId());
  }

  @Test
  void aRepeatedWriteGetsTheFirstAnswerButOnlyFromItsShard() throws IOException {
    ByteBuffer request =
        frame(
            4711, ShardKind.CONSTRUCT_FILE, new ConstructFileRequest(InodeType.FILE, new byte[0]));
    byte[] first = exchange(0, request).array();
    assertArrayEquals(first, exchange(0, request).array());
    ByteBuffer other = exchange(5, request);
    assertEquals(5, InodeIds.shard(other.getLong(Frames.UDP_HEADER_SIZE)));
  }

  @Test
  void signedRequestsGetSignedAnswersAndPrivilegedOnesNeedThem() throws IOException {
    ByteBuffer signed = Frames.buffer(1472);
    Frames.putSignedRequest(
        signed, 9, ShardKind.STAT_DIRECTORY, new StatDirectoryRequest(InodeIds.ROOT), CDC_KEY);
    ByteBuffer in = exchange(0, signed);
    assertEquals(ProtocolConstants.MAGIC_CDC_TO_SHARD_RESPONSE, in.getInt(0));
    Frames.checkMac(in, CDC_KEY);
    assertEquals(ShardKind.STAT_DIRECTORY, in.get(20) & 0xff);

    signed.put(6, (byte) (signed.get(6) ^ 1));
    assertSilence(signed);
    assertSilence(
        frame(
            1,
            ShardKind.SET_DIRECTORY_OWNER,
            new org.eggsfs.protocol.shard.SetDirectoryOwnerRequest(InodeIds.ROOT, InodeIds.ROOT)));
  }

  private void assertSilence(ByteBuffer request) throws IOException {
    send(0, request);
    socket.setSoTimeout(SILENCE_MILLIS);
    assertThrows(SocketTimeoutException.class, this::receive);
  }

  @Test
  void noiseNeitherAnswersNorHarms() throws IOException {
    Random random = new Random(42);
    for (int i = 0; i < 2000; i++) {
      byte[] noise = new byte[random.nextInt(1400)];
      random.nextBytes(noise);
      ByteBuffer request = Frames.buffer(1472).put(noise);
      if (i % 2 == 0 && noise.length > 13) {
        request.putInt(0, ProtocolConstants.MAGIC_SHARD_REQUEST);
      }
      send(i % 3 == 0 ? 5 : 0, request);
    }
    ByteBuffer in =
        exchange(0, frame(5, ShardKind.LOOKUP, new LookupRequest(InodeIds.ROOT, new byte[] {'x'})));
    while (in.getLong(4) != 5) {
      in = receive();
    }
    assertEquals(0, in.get(12));
    assertEquals(ErrorCode.NAME_NOT_FOUND.code(), in.getShort(13));
    assertTrue(host.counters()[2] > 1000);
  }

  private List<String> metrics() {
    return host.measurements().stream().map(Measurement::toString).toList();
  }

  @Test
  @Timeout(120)
  void metricsTellWhatWasAsked() throws IOException, InterruptedException {
    LookupRequest lookup = new LookupRequest(InodeIds.ROOT, new byte[] {'x'});
    exchange(0, frame(1, ShardKind.LOOKUP, lookup));
    exchange(0, frame(2, ShardKind.LOOKUP, lookup));
    ByteBuffer made =
        exchange(
            5,
            frame(
                3,
                ShardKind.CONSTRUCT_FILE,
                new ConstructFileRequest(InodeType.FILE, new byte[] {'n'})));
    assertEquals(ShardKind.CONSTRUCT_FILE, made.get(12) & 0xff);
    exchange(5, frame(4, ShardKind.LOOKUP, lookup));
    List<String> lines = metrics();
    // An answer is counted after it was sent.
    while (lines.stream().noneMatch(line -> line.contains(",kind=LOOKUP count=3i,"))) {
      Thread.sleep(5);
      lines = metrics();
    }
    String text = String.join("\n", lines);
    assertTrue(
        text.contains("eggsfs_shard_requests,shards=0\\,5,kind=CONSTRUCT_FILE count=1i,errors=0i,"),
        text);
    assertTrue(text.contains(",kind=LOOKUP count=3i,errors=3i,latency_ns="), text);
    assertTrue(text.contains("eggsfs_shard_errors,shards=0\\,5,error=NAME_NOT_FOUND count="), text);
    assertTrue(text.contains(" writes_in_flight=0i,writes_dropped=0i"), text);
    assertTrue(text.contains(" reads=3i,writes=1i,repeats=0i,malformed=0i"), text);
    assertTrue(text.contains(" entries=1i,batches=1i"), text);
    assertTrue(
        lines
            .getLast()
            .matches("eggsfs_shard_storage,.* used=\\d+i,capacity=\\d+i,available=\\d+i"),
        text);
  }

  @Test
  void shardsOfMetricsAreWrittenAsOnTheCommandLine() {
    BitSet shards = new BitSet();
    shards.set(0, 128);
    shards.set(200);
    shards.set(254, 256);
    assertEquals("0-127,200,254-255", ShardMetrics.ranges(shards));
  }

  /** A loop without one would do nothing and still hold a snapshot of the store. */
  @Test
  void everyLoopHasAShard() {
    BitSet shards = new BitSet();
    shards.set(7);
    ShardHostConfig all =
        ShardHostConfig.of(directory, List.of(new InetSocketAddress("127.0.0.1", 1)));
    assertEquals(all.loopCount(), ShardHost.loopCount(all));
    assertEquals(1, ShardHost.loopCount(all.withShards(shards)));
  }

  @Test
  void aSecondHostOnTheDirectoryIsRefused() {
    IOException error =
        assertThrows(
            IOException.class,
            () ->
                ShardHost.start(
                    ShardHostConfig.of(directory, List.of(new InetSocketAddress("127.0.0.1", 1))),
                    () -> {}));
    assertTrue(error.getMessage().contains("in use"), error.getMessage());
  }
}
