package org.eggsfs.tests.faults;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.net.TcpFrameServer;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.protocol.shuckle.LocalShardsResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.ShardInfo;

/**
 * A faulty network for everybody who is given this shuckle's address: it passes all requests on to
 * the real shuckle, but tells addresses of a {@link DatagramProxy} instead of those of shards and
 * CDC. Block servers are reached directly.
 */
public final class ShuckleProxy implements AutoCloseable {
  private static final int CDC = ProtocolConstants.SHARD_COUNT;

  private final ShuckleClient shuckle;
  private final DatagramProxy datagrams;
  private final TcpFrameServer server;

  /** Starts to serve on a free port. */
  public ShuckleProxy(InetSocketAddress real, PacketFaults faults, long seed) throws IOException {
    shuckle = new ShuckleClient(List.of(real));
    datagrams = new DatagramProxy(ProtocolConstants.SHARD_COUNT + 1, faults, seed);
    server =
        TcpFrameServer.start(
            List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)),
            TcpFrameServer.Options.standard(ProtocolConstants.MAGIC_SHUCKLE_REQUEST),
            new TcpFrameServer.Handler() {
              @Override
              public CompletableFuture<TcpFrameServer.Reply> handle(ByteBuffer request) {
                return CompletableFuture.completedFuture(answer(request));
              }

              @Override
              public boolean waitsForEarlier(ByteBuffer request) {
                return false;
              }
            });
  }

  /** Where it serves. */
  public InetSocketAddress address() {
    return server.addresses().getFirst();
  }

  /** The faulty network behind it. */
  public DatagramProxy datagrams() {
    return datagrams;
  }

  private TcpFrameServer.Reply answer(ByteBuffer bytes) {
    int kind = Byte.toUnsignedInt(bytes.get());
    try {
      ShuckleRequest request = ShuckleRequest.decode(kind, bytes);
      ShuckleResponse response = shuckle.call(request);
      return new Answer(
          switch (response) {
            case LocalShardsResponse shards -> new LocalShardsResponse(disguise(shards.shards()));
            case LocalCdcResponse cdc ->
                new LocalCdcResponse(front(CDC, cdc.addrs()), cdc.lastSeen());
            default -> response;
          },
          null);
    } catch (EggsException e) {
      return new Answer(null, e.code());
    } catch (IOException e) {
      return new Answer(null, ErrorCode.INTERNAL_ERROR);
    }
  }

  private List<ShardInfo> disguise(List<ShardInfo> shards) throws IOException {
    List<ShardInfo> disguised = new ArrayList<>();
    for (int i = 0; i < shards.size(); i++) {
      disguised.add(new ShardInfo(front(i, shards.get(i).addrs()), shards.get(i).lastSeen()));
    }
    return disguised;
  }

  private AddrsInfo front(int server, AddrsInfo real) throws IOException {
    if (real.addr1().port() == 0) {
      return real;
    }
    datagrams.target(server, Addresses.socketAddress(real.addr1()));
    return new AddrsInfo(Addresses.endpoint(datagrams.front(server)), Addresses.NO_ENDPOINT);
  }

  private record Answer(ShuckleResponse response, ErrorCode error) implements TcpFrameServer.Reply {
    @Override
    public int size() {
      return response == null
          ? Frames.SHUCKLE_HEADER_SIZE + 5
          : Frames.SHUCKLE_HEADER_SIZE + 1 + response.encodedSize();
    }

    @Override
    public void encode(ByteBuffer out) {
      if (response == null) {
        Frames.putShuckleError(out, error);
      } else {
        Frames.putShuckle(out, ProtocolConstants.MAGIC_SHUCKLE_RESPONSE, response.kind(), response);
      }
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    datagrams.close();
    shuckle.close();
  }
}
