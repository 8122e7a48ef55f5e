package org.eggsfs.shuckle.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.Measurement;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.AllCdcRequest;
import org.eggsfs.protocol.shuckle.AllCdcResponse;
import org.eggsfs.protocol.shuckle.AllShardsRequest;
import org.eggsfs.protocol.shuckle.AllShardsResponse;
import org.eggsfs.protocol.shuckle.AllShuckleReplicasRequest;
import org.eggsfs.protocol.shuckle.AllShuckleReplicasResponse;
import org.eggsfs.protocol.shuckle.CdcReplicasDeprecatedRequest;
import org.eggsfs.protocol.shuckle.CdcReplicasDeprecatedResponse;
import org.eggsfs.protocol.shuckle.CreateLocationRequest;
import org.eggsfs.protocol.shuckle.InfoRequest;
import org.eggsfs.protocol.shuckle.InfoResponse;
import org.eggsfs.protocol.shuckle.LocalCdcRequest;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.protocol.shuckle.LocalShardsRequest;
import org.eggsfs.protocol.shuckle.LocalShardsResponse;
import org.eggsfs.protocol.shuckle.LocationsRequest;
import org.eggsfs.protocol.shuckle.LocationsResponse;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.shuckle.RegisterCdcRequest;
import org.eggsfs.protocol.shuckle.RegisterShardRequest;
import org.eggsfs.protocol.shuckle.RenameLocationRequest;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.ShardBlockServicesRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesResponse;
import org.eggsfs.protocol.shuckle.ShuckleAddrsRequest;
import org.eggsfs.protocol.shuckle.ShuckleAddrsResponse;
import org.eggsfs.protocol.shuckle.ShuckleKind;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.BlockServiceInfoShort;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.IpPort;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.eggsfs.protocol.struct.ShardInfo;
import org.eggsfs.shuckle.state.TestRows;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The whole server over loopback sockets and a real database. */
@Timeout(60)
class ShuckleServerTest {
  private static final long SECOND = 1_000_000_000L;

  @TempDir Path directory;

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

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  private ShuckleConfig.Builder config() {
    return ShuckleConfig.builder(directory).bindAddresses(List.of(anyPort()));
  }

  private ShuckleServer server(ShuckleConfig config) throws IOException {
    return opened(ShuckleServer.start(config));
  }

  private ShuckleClient client(ShuckleServer server) {
    return opened(new ShuckleClient(List.of(server.address())));
  }

  private static List<RegisterBlockServiceInfo> host(int domain, int disks, int locationId) {
    List<RegisterBlockServiceInfo> list = new ArrayList<>();
    for (int disk = 0; disk < disks; disk++) {
      int storageClass = disk % 2 == 0 ? StorageClass.HDD : StorageClass.FLASH;
      list.add(
          TestRows.registration(
              1 + domain * 100L + disk, locationId, "domain" + domain, storageClass, 1L << 40));
    }
    return list;
  }

  /** The order of TernFS's test harness (shuckle.md section 15). */
  @Test
  void startsUpWithTernFsHarness() throws Exception {
    ShuckleServer server = server(config().build());
    ShuckleClient client = client(server);
    InfoResponse info = client.call(new InfoRequest());
    assertEquals(new InfoResponse(0, 0, 0, 0, 0), info);

    EggsException exists =
        assertThrows(
            EggsException.class, () -> client.call(new CreateLocationRequest(0, name("main"))));
    assertEquals(ErrorCode.LOCATION_EXISTS, exists.code());
    client.call(new RenameLocationRequest(0, name("main")));
    client.call(new CreateLocationRequest(1, name("second")));
    LocationsResponse locations = client.call(new LocationsRequest());
    assertEquals(2, locations.locations().size());
    assertArrayEquals(name("main"), locations.locations().getFirst().name());

    int hosts = 18;
    for (int domain = 0; domain < hosts; domain++) {
      client.call(new RegisterBlockServicesRequest(host(domain, 4, 0)));
    }
    AllBlockServicesDeprecatedResponse all = client.call(new AllBlockServicesDeprecatedRequest());
    assertEquals(hosts * 4, all.blockServices().size());
    ShardBlockServicesDeprecatedResponse ids;
    do {
      ids = client.call(new ShardBlockServicesDeprecatedRequest(0));
    } while (ids.blockServices().length < 2 * hosts);
    assertEquals(2 * hosts, ids.blockServices().length);
    ShardBlockServicesResponse assigned = client.call(new ShardBlockServicesRequest(255));
    Set<FailureDomain> hdd = new HashSet<>();
    for (BlockServiceInfoShort service : assigned.blockServices()) {
      if (service.storageClass() == StorageClass.HDD) {
        assertTrue(hdd.add(service.failureDomain()));
      }
    }
    assertEquals(hosts, hdd.size());

    for (int replica = 0; replica < 5; replica++) {
      client.call(new RegisterCdcRequest(replica, 0, replica == 0, addrs(9000 + replica)));
    }
    List<ShuckleRequest> registrations = new ArrayList<>();
    for (int shard = 0; shard < 256; shard++) {
      registrations.add(new RegisterShardRequest(shard, true, addrs(10_000 + shard), 0));
    }
    for (ShuckleClient.Outcome outcome : client.callAll(registrations)) {
      assertNotNull(outcome.get());
    }
    LocalShardsResponse shards = client.call(new LocalShardsRequest());
    assertEquals(256, shards.shards().size());
    for (int shard = 0; shard < 256; shard++) {
      assertEquals(addrs(10_000 + shard), shards.shards().get(shard).addrs());
      assertTrue(shards.shards().get(shard).lastSeen() > 0);
    }
    LocalCdcResponse cdc = client.call(new LocalCdcRequest());
    assertEquals(addrs(9000), cdc.addrs());
    CdcReplicasDeprecatedResponse replicas = client.call(new CdcReplicasDeprecatedRequest());
    assertEquals(5, replicas.replicas().size());
    AllCdcResponse allCdc = client.call(new AllCdcRequest());
    assertEquals(10, allCdc.replicas().size());
    AllShardsResponse allShards = client.call(new AllShardsRequest());
    assertEquals(2 * 1280, allShards.shards().size());
    info = client.call(new InfoRequest());
    assertEquals(hosts, info.numFailureDomains());
    assertEquals(256, server.requestCount(ShuckleKind.REGISTER_SHARD));
    String metrics =
        server.measurements().stream().map(Measurement::toString).collect(Collectors.joining("\n"));
    assertTrue(
        metrics.contains("eggsfs_shuckle_requests,kind=REGISTER_SHARD count=256i,errors=0i,"),
        metrics);
    assertTrue(
        metrics.matches(
            "(?s).*\neggsfs_shuckle_connections open=[1-9]\\d*i,refused=0i,evicted=0i\n"
                + "eggsfs_shuckle_log entries=[1-9]\\d*i,in_flight=\\d+i\n"
                + "eggsfs_shuckle_storage used=[1-9].*"),
        metrics);
    ShuckleAddrsResponse own = client.call(new ShuckleAddrsRequest());
    assertEquals(Addresses.of(server.address()), own.addrs());
    AllShuckleReplicasResponse own5 = client.call(new AllShuckleReplicasRequest());
    assertEquals(5, own5.replicas().size());
    assertEquals(own.addrs(), own5.replicas().getFirst().addrs());
    assertTrue(own5.replicas().getFirst().isLeader());
  }

  private static byte[] name(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static AddrsInfo addrs(int port) {
    return new AddrsInfo(new IpPort(0x7f000001, port), Addresses.NO_ENDPOINT);
  }

  @Test
  void answersTheGoldenFrames() throws Exception {
    ShuckleServer server = server(config().clock(new ManualClock(0x17979cfe362a0000L)).build());
    try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
      // RegisterShard at a location that does not exist: errorCompat, and the connection goes on.
      String register = "534855001100000004ab03010a0102033412c0a8ff01112701";
      assertEquals("53485501030000000048004800", exchange(socket, register, 13));
      // CreateLocation 1 "x", then Locations as in the vector.
      assertEquals("534855010100000001", exchange(socket, "53485500040000000101" + "0178", 9));
      assertEquals(
          "534855010f000000050200000764656661756c74010178",
          exchange(socket, "534855000100000005", 23));
      // Now the registration succeeds.
      assertEquals("534855010100000004", exchange(socket, register, 9));
      // LocalCdc as in the vector: first register it.
      String cdc = "5348550010000000" + "06" + "0000" + "01" + "0a0102033412c0a8ff011127";
      assertEquals("534855010100000006", exchange(socket, cdc, 9));
      assertEquals(
          "5348550115000000070a0102033412c0a8ff01112700002a36fe9c9717",
          exchange(socket, "534855000100000007", 29));
      // All in one write: answers come in order, questions see the changes before them.
      String rename = "53485500040000000200" + "0179";
      assertEquals(
          "534855010100000002" + "5348550109000000050200000179010178",
          exchange(socket, rename + "534855000100000005", 26));
    }
  }

  private static String exchange(Socket socket, String request, int answerBytes)
      throws IOException {
    socket.getOutputStream().write(HexFormat.of().parseHex(request));
    return HexFormat.of().formatHex(socket.getInputStream().readNBytes(answerBytes));
  }

  @Test
  void closesOnWhatItCannotDecodeAndSurvives() throws Exception {
    ShuckleServer server = server(config().build());
    List<String> bad =
        List.of(
            "534855000100000012", // unknown kind
            "534855000200000003ff", // trailing byte
            "534855001100000004ab05010a0102033412c0a8ff01112701", // replica 5
            "53485500020000000100", // truncated
            "5348550103000000000a00", // a response
            "53485500ffffffff03", // 4 GiB
            "5348550000000000"); // no kind
    for (String hex : bad) {
      try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
        socket.getOutputStream().write(HexFormat.of().parseHex(hex));
        assertEquals(-1, endOf(socket), hex);
      }
    }
    Random random = new Random(11);
    for (int i = 0; i < 300; i++) {
      byte[] body = new byte[1 + random.nextInt(60)];
      random.nextBytes(body);
      body[0] = (byte) (1 + random.nextInt(0x25));
      ByteBuffer out = Frames.buffer(8 + body.length);
      out.putInt(ProtocolConstants.MAGIC_SHUCKLE_REQUEST).putInt(body.length).put(body);
      try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
        socket.getOutputStream().write(out.array());
        socket.shutdownOutput();
        // An answer or a close, never a hang.
        socket.getInputStream().readAllBytes();
      } catch (SocketException e) {
        // Closed with unread bytes: a reset.
        assertNotNull(e.getMessage());
      }
    }
    LocalShardsResponse shards = client(server).call(new LocalShardsRequest());
    assertEquals(256, shards.shards().size());
  }

  private static int endOf(Socket socket) {
    try {
      return socket.getInputStream().read();
    } catch (IOException e) {
      return -1;
    }
  }

  @Test
  void closesConnectionsBeyondTheLimit() throws Exception {
    ShuckleServer server = server(config().maxConnections(1).build());
    ShuckleClient client = client(server);
    client.call(new InfoRequest());
    try (Socket second = new Socket(server.address().getAddress(), server.address().getPort())) {
      assertEquals(-1, endOf(second));
    }
    InfoResponse still = client.call(new InfoRequest());
    assertEquals(0, still.numBlockServices());
  }

  @Test
  void keepsEverythingOverARestart() throws Exception {
    ShuckleServer first = server(config().build());
    ShuckleClient client = client(first);
    client.call(new CreateLocationRequest(3, name("three")));
    client.call(new RegisterShardRequest(7, true, addrs(4007), 3));
    client.call(new RegisterCdcRequest(0, 0, true, addrs(4000)));
    client.call(new RegisterBlockServicesRequest(host(0, 4, 0)));
    client.call(new SetBlockServiceFlagsRequest(1, 8, 8));
    ShardBlockServicesResponse assigned;
    do {
      assigned = client.call(new ShardBlockServicesRequest(9));
    } while (assigned.blockServices().size() != 2);
    AllBlockServicesDeprecatedResponse before =
        client.call(new AllBlockServicesDeprecatedRequest());
    AllShardsResponse shardsBefore = client.call(new AllShardsRequest());
    first.close();

    ShuckleServer second = server(config().build());
    ShuckleClient again = client(second);
    ShardBlockServicesResponse kept = again.call(new ShardBlockServicesRequest(9));
    assertFalse(kept.blockServices().isEmpty());
    AllBlockServicesDeprecatedResponse after = again.call(new AllBlockServicesDeprecatedRequest());
    assertEquals(before, after);
    AllShardsResponse shardsAfter = again.call(new AllShardsRequest());
    assertEquals(shardsBefore, shardsAfter);
    LocalCdcResponse cdc = again.call(new LocalCdcRequest());
    assertEquals(addrs(4000), cdc.addrs());
  }

  @Test
  void refusesADirectoryInUseOrOfAnotherKind() throws Exception {
    server(config().build());
    IOException inUse =
        assertThrows(IOException.class, () -> ShuckleServer.start(config().build()));
    assertTrue(inUse.getMessage().contains("in use"), inUse.getMessage());
    Path other = Files.createDirectory(directory.resolve("other"));
    Files.writeString(other.resolve("format"), "eggsshard 1\n");
    IOException kind =
        assertThrows(
            IOException.class,
            () ->
                ShuckleServer.start(
                    ShuckleConfig.builder(other).bindAddresses(List.of(anyPort())).build()));
    assertTrue(kind.getMessage().contains("eggsshard"), kind.getMessage());
  }

  @Test
  void refusesAnAddressInUseAndLeavesNothingOpen() throws Exception {
    ShuckleServer first = server(config().build());
    Path other = directory.resolve("other");
    ShuckleConfig.Builder second = ShuckleConfig.builder(other);
    IOException e =
        assertThrows(
            IOException.class,
            () -> ShuckleServer.start(second.bindAddresses(List.of(first.address())).build()));
    assertTrue(e.getMessage().contains("cannot listen"), e.getMessage());
    server(second.bindAddresses(List.of(anyPort())).build());
  }

  @Test
  void marksSilentBlockServicesStaleAfterTheGracePeriodOnly() throws Exception {
    long now = System.currentTimeMillis() * 1_000_000;
    ManualClock clock = new ManualClock(now);
    // A day passes while the shuckle is down.
    ShuckleServer first = server(config().clock(clock).build());
    client(first).call(new RegisterBlockServicesRequest(host(0, 2, 0)));
    first.close();
    clock.pass(86_400 * SECOND);
    ShuckleServer second = server(config().clock(clock).build());
    ShuckleClient client = client(second);
    // The housekeeper has been at work once it has answered to a new service with an assignment.
    client.call(new RegisterBlockServicesRequest(host(1, 2, 0)));
    ShardBlockServicesResponse assigned;
    do {
      assigned = client.call(new ShardBlockServicesRequest(0));
    } while (assigned.blockServices().size() != 4);
    second.close();

    ShuckleServer third = server(config().clock(clock).stalenessDelay(SECOND / 2).build());
    ShuckleClient again = client(third);
    clock.pass(SECOND);
    // Registrations wake the housekeeper; those that register are not stale.
    long stale;
    int domain = 2;
    do {
      again.call(new RegisterBlockServicesRequest(host(domain++, 2, 0)));
      AllBlockServicesDeprecatedResponse all = again.call(new AllBlockServicesDeprecatedRequest());
      stale =
          all.blockServices().stream()
              .filter(s -> (s.flags() & BlockServiceFlags.STALE) != 0)
              .count();
      Thread.sleep(100);
    } while (stale == 0);
    assertEquals(4, stale);
    do {
      assigned = again.call(new ShardBlockServicesRequest(0));
    } while (assigned.blockServices().stream().anyMatch(s -> s.id() < 200));
    assertFalse(assigned.blockServices().isEmpty());
  }

  /** All shards are played by one UDP socket. */
  @Test
  void findsOutWhichBlockServicesHaveFiles() throws Exception {
    DatagramSocket shards = opened(new DatagramSocket(anyPort()));
    Map<Long, Integer> asked = new ConcurrentHashMap<>();
    Thread.ofVirtual().start(() -> playShards(shards, asked));
    ShuckleServer server = server(config().build());
    ShuckleClient client = client(server);
    List<ShuckleRequest> registrations = new ArrayList<>();
    AddrsInfo played = Addresses.of((InetSocketAddress) shards.getLocalSocketAddress());
    for (int shard = 0; shard < 256; shard++) {
      registrations.add(new RegisterShardRequest(shard, true, played, 0));
    }
    client.callAll(registrations);
    client.call(new RegisterBlockServicesRequest(host(0, 2, 0)));
    client.call(new SetBlockServiceFlagsRequest(1, 8, 8));
    client.call(new SetBlockServiceFlagsRequest(2, 2, 2));
    while (!all(client).getFirst().hasFiles() || asked.getOrDefault(2L, 0) < 256) {
      Thread.sleep(50);
    }
    assertEquals(101, asked.get(1L));
    assertFalse(all(client).getLast().hasFiles());
    // A live service without blocks costs nothing.
    client.call(new RegisterBlockServicesRequest(host(1, 1, 0)));
    assertFalse(asked.containsKey(101L));
  }

  private static List<BlockServiceDeprecatedInfo> all(ShuckleClient client) throws Exception {
    AllBlockServicesDeprecatedResponse list = client.call(new AllBlockServicesDeprecatedRequest());
    return list.blockServices();
  }

  /** The hundred-and-first shard asked about service 1 has a file on it. */
  private static void playShards(DatagramSocket socket, Map<Long, Integer> asked) {
    byte[] bytes = new byte[200];
    while (true) {
      DatagramPacket packet = new DatagramPacket(bytes, bytes.length);
      try {
        socket.receive(packet);
        ByteBuffer in =
            ByteBuffer.wrap(bytes, 0, packet.getLength()).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(ProtocolConstants.MAGIC_SHARD_REQUEST, in.getInt());
        long id = in.getLong();
        int kind = in.get() & 0xff;
        BlockServiceFilesRequest request = BlockServiceFilesRequest.decode(in);
        int count = asked.merge(request.blockServiceId(), 1, Integer::sum);
        long[] files =
            request.blockServiceId() == 1 && count > 100
                ? new long[] {0x4000000000000100L}
                : new long[0];
        ByteBuffer out = Frames.buffer(100);
        Frames.putUdp(
            out,
            ProtocolConstants.MAGIC_SHARD_RESPONSE,
            id,
            kind,
            new BlockServiceFilesResponse(files));
        socket.send(new DatagramPacket(out.array(), out.position(), packet.getSocketAddress()));
      } catch (IOException e) {
        return;
      }
    }
  }

  @Test
  void unregisteredShardsAreZeros() throws Exception {
    LocalShardsResponse shards = client(server(config().build())).call(new LocalShardsRequest());
    assertEquals(256, shards.shards().size());
    for (ShardInfo shard : shards.shards()) {
      assertEquals(new ShardInfo(Addresses.NONE, 0), shard);
    }
  }
}
