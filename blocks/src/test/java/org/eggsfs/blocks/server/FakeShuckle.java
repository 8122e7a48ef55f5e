package org.eggsfs.blocks.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.eggsfs.net.TcpFrameServer;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;

/** Remembers what a block server registers. */
final class FakeShuckle implements TcpFrameServer.Handler, AutoCloseable {
  // Guarded by this.
  private final List<List<RegisterBlockServiceInfo>> registrations = new ArrayList<>();
  private final Map<Long, BlockServiceDeprecatedInfo> known = new LinkedHashMap<>();

  private final TcpFrameServer server;

  FakeShuckle() throws IOException {
    server =
        TcpFrameServer.start(
            List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)),
            TcpFrameServer.Options.standard(ProtocolConstants.MAGIC_SHUCKLE_REQUEST),
            this);
  }

  InetSocketAddress address() {
    return server.addresses().getFirst();
  }

  @Override
  public boolean waitsForEarlier(ByteBuffer request) {
    return true;
  }

  @Override
  public synchronized CompletableFuture<TcpFrameServer.Reply> handle(ByteBuffer in) {
    int kind = in.get() & 0xff;
    ShuckleResponse response =
        switch (ShuckleRequest.decode(kind, in)) {
          case RegisterBlockServicesRequest r -> {
            registrations.add(r.blockServices());
            yield new RegisterBlockServicesResponse();
          }
          case AllBlockServicesDeprecatedRequest r ->
              new AllBlockServicesDeprecatedResponse(List.copyOf(known.values()));
          default -> throw new AssertionError("kind " + kind);
        };
    return CompletableFuture.completedFuture(new Answer(response));
  }

  private record Answer(ShuckleResponse response) implements TcpFrameServer.Reply {
    @Override
    public int size() {
      return Frames.SHUCKLE_HEADER_SIZE + 1 + response.encodedSize();
    }

    @Override
    public void encode(ByteBuffer out) {
      Frames.putShuckle(out, ProtocolConstants.MAGIC_SHUCKLE_RESPONSE, response.kind(), response);
    }
  }

  /** The answer to the question for all block services has this one from now on. */
  synchronized void know(RegisterBlockServiceInfo info, int flags, long blocks) {
    known.put(
        info.id(),
        new BlockServiceDeprecatedInfo(
            info.id(),
            info.addrs(),
            info.storageClass(),
            info.failureDomain(),
            info.secretKey(),
            flags,
            info.capacityBytes(),
            info.availableBytes(),
            blocks,
            info.path(),
            0,
            false,
            0));
  }

  synchronized int count() {
    return registrations.size();
  }

  /** What the last registration said about a service, or null. */
  synchronized RegisterBlockServiceInfo last(long service) {
    if (registrations.isEmpty()) {
      return null;
    }
    return registrations.getLast().stream()
        .filter(info -> info.id() == service)
        .findFirst()
        .orElse(null);
  }

  /** All that was ever said about a service. */
  synchronized List<RegisterBlockServiceInfo> history(long service) {
    return registrations.stream()
        .flatMap(List::stream)
        .filter(info -> info.id() == service)
        .toList();
  }

  @Override
  public void close() {
    server.close();
  }
}
