package org.eggsfs.tests.faults;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.eggsfs.client.EggsClient;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.LocalCdcRequest;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.protocol.shuckle.LocalShardsRequest;
import org.eggsfs.protocol.shuckle.LocalShardsResponse;
import org.eggsfs.protocol.shuckle.ShuckleKind;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.ShardInfo;

/**
 * Sends to every port of a cluster what no client sends (run-and-tests.md section 7, fuzz): noise,
 * good headers with noise behind them, frames of impossible length, requests that end in the
 * middle, connections that say half a word and stay. A server refuses all of it. Nothing here is a
 * request that a server may carry out: inodes, certificates and MACs are noise, and the shuckle,
 * which believes everybody, is only asked in frames that it cannot read.
 */
public final class Nonsense implements AutoCloseable {
  private static final int DATAGRAMS = 200;
  private static final int CONNECTIONS = 6;

  /** Connections that wait in the middle of a request, at the same time. */
  private static final int HALF_MAX = 60;

  private static final int NOISE_MAX = 20_000;
  private static final int CONNECT_MILLIS_MAX = 1_000;
  private static final int ANSWER_MILLIS_MAX = 20;

  /** No message of the shuckle's has such a number. */
  private static final int SHUCKLE_KIND_UNKNOWN = 200;

  private final InetSocketAddress shuckle;
  private final List<InetSocketAddress> shards = new ArrayList<>();
  private final List<InetSocketAddress> cdc = new ArrayList<>();
  private final List<BlockServer> blocks = new ArrayList<>();
  private final ArrayDeque<Socket> half = new ArrayDeque<>();
  private long datagrams;
  private long connections;

  private record BlockServer(InetSocketAddress address, long service) {}

  /** Looks up all addresses of a cluster. */
  public Nonsense(EggsClient client, InetSocketAddress shuckle) throws IOException, EggsException {
    this.shuckle = shuckle;
    LocalShardsResponse registered = client.shuckle().call(new LocalShardsRequest());
    Set<InetSocketAddress> all = new HashSet<>();
    for (ShardInfo shard : registered.shards()) {
      all.addAll(Addresses.list(shard.addrs()));
    }
    shards.addAll(all);
    LocalCdcResponse coordinator = client.shuckle().call(new LocalCdcRequest());
    cdc.addAll(Addresses.list(coordinator.addrs()));
    AllBlockServicesDeprecatedResponse services =
        client.shuckle().call(new AllBlockServicesDeprecatedRequest());
    for (BlockServiceDeprecatedInfo info : services.blockServices()) {
      for (InetSocketAddress address : Addresses.list(info.addrs())) {
        blocks.add(new BlockServer(address, info.id()));
      }
    }
  }

  /** Datagrams sent. */
  public long datagrams() {
    return datagrams;
  }

  /** Connections made. */
  public long connections() {
    return connections;
  }

  /** Some of everything. */
  public void burst(SplittableRandom random) throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      for (int i = 0; i < DATAGRAMS; i++) {
        boolean toCdc = random.nextInt(4) == 0;
        byte[] packet = datagram(random, toCdc);
        socket.send(new DatagramPacket(packet, packet.length, pick(toCdc ? cdc : shards, random)));
        datagrams++;
      }
    }
    for (int i = 0; i < CONNECTIONS; i++) {
      if (random.nextInt(3) == 0) {
        connect(shuckle, shuckleFrame(random), random);
      } else {
        BlockServer server = blocks.get(random.nextInt(blocks.size()));
        connect(server.address, blocksRequest(random, server.service), random);
      }
    }
  }

  private static <T> T pick(List<T> list, SplittableRandom random) {
    return list.get(random.nextInt(list.size()));
  }

  private static byte[] noise(SplittableRandom random, int max) {
    // Short ones as often as long ones.
    byte[] bytes = new byte[random.nextInt(1 + random.nextInt(1, max))];
    random.nextBytes(bytes);
    return bytes;
  }

  private static byte[] datagram(SplittableRandom random, boolean toCdc) {
    byte[] body = noise(random, ProtocolConstants.MAX_UDP_MTU);
    if (random.nextInt(4) == 0) {
      return body;
    }
    int magic =
        toCdc
            ? ProtocolConstants.MAGIC_CDC_REQUEST
            : random.nextInt(3) == 0
                ? ProtocolConstants.MAGIC_CDC_TO_SHARD_REQUEST
                : ProtocolConstants.MAGIC_SHARD_REQUEST;
    ByteBuffer packet = Frames.buffer(Frames.UDP_HEADER_SIZE + body.length);
    packet.putInt(magic).putLong(random.nextLong()).put((byte) random.nextInt(256)).put(body);
    return packet.array();
  }

  private static byte[] shuckleFrame(SplittableRandom random) {
    byte[] body = noise(random, NOISE_MAX);
    if (random.nextInt(4) == 0) {
      return body;
    }
    ByteBuffer frame = Frames.buffer(Frames.SHUCKLE_HEADER_SIZE + 1 + body.length);
    frame.putInt(ProtocolConstants.MAGIC_SHUCKLE_REQUEST);
    switch (random.nextInt(4)) {
      // Longer than anything, or less than a kind.
      case 0 -> frame.putInt(random.nextBoolean() ? random.nextInt() | Integer.MIN_VALUE : 0);
      // More than will ever come.
      case 1 -> frame.putInt(1 + body.length + random.nextInt(1, NOISE_MAX));
      default -> frame.putInt(1 + body.length);
    }
    // Only what is unknown, or what nothing follows where something does.
    frame.put(
        (byte)
            (random.nextBoolean() ? SHUCKLE_KIND_UNKNOWN + random.nextInt(50) : ShuckleKind.INFO));
    frame.put(body);
    return frame.array();
  }

  private static byte[] blocksRequest(SplittableRandom random, long service) {
    byte[] body = noise(random, NOISE_MAX);
    if (random.nextInt(4) == 0) {
      return body;
    }
    int kind = random.nextInt(3) == 0 ? random.nextInt(256) : random.nextInt(7);
    // A test write needs no certificate: only to services that do not exist.
    boolean known = kind != BlocksKind.TEST_WRITE && random.nextBoolean();
    ByteBuffer request = Frames.buffer(Frames.BLOCKS_REQUEST_HEADER_SIZE + body.length);
    request.putInt(ProtocolConstants.MAGIC_BLOCKS_REQUEST);
    request.putLong(known ? service : random.nextLong()).put((byte) kind).put(body);
    return request.array();
  }

  private void connect(InetSocketAddress to, byte[] bytes, SplittableRandom random)
      throws IOException {
    Socket socket = new Socket();
    boolean keep = false;
    try {
      socket.connect(to, CONNECT_MILLIS_MAX);
      connections++;
      boolean cut = random.nextInt(3) == 0;
      socket
          .getOutputStream()
          .write(bytes, 0, cut ? random.nextInt(bytes.length + 1) : bytes.length);
      keep = cut && random.nextBoolean();
      if (!keep) {
        socket.setSoTimeout(ANSWER_MILLIS_MAX);
        socket.getInputStream().readNBytes(NOISE_MAX);
      }
    } catch (IOException e) {
      // That it is hung up on, or not heard, is right.
      keep = false;
    } finally {
      if (keep) {
        half.addLast(socket);
      } else {
        socket.close();
      }
    }
    if (half.size() > HALF_MAX) {
      half.removeFirst().close();
    }
  }

  @Override
  public void close() throws IOException {
    for (Socket socket : half) {
      socket.close();
    }
  }
}
