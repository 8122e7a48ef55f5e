package org.eggsfs.shuckle.server;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.struct.AddrsInfo;

/** Asks shards over UDP, one question at a time (wire.md section 3). Used by one thread. */
final class ShardCaller implements AutoCloseable {
  private static final int ATTEMPTS = 4;
  private static final int WAIT_MILLIS = 250;
  private static final int REQUEST_BYTES_MAX = 64;

  private final DatagramSocket socket;
  private final byte[] received = new byte[ProtocolConstants.MAX_UDP_MTU];
  private long requestId = ThreadLocalRandom.current().nextLong();

  ShardCaller() throws IOException {
    socket = new DatagramSocket();
  }

  /**
   * Whether the shard has a file with a block on the service.
   *
   * @throws IOException no answer
   * @throws EggsException an error answer
   */
  boolean hasFiles(AddrsInfo shard, long blockServiceId) throws IOException, EggsException {
    List<InetSocketAddress> addresses = Addresses.list(shard);
    if (addresses.isEmpty()) {
      throw new IOException("the shard has not registered");
    }
    BlockServiceFilesRequest request = new BlockServiceFilesRequest(blockServiceId, 0);
    long id = requestId++;
    ByteBuffer out = Frames.buffer(REQUEST_BYTES_MAX);
    Frames.putUdp(out, ProtocolConstants.MAGIC_SHARD_REQUEST, id, request.kind(), request);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      InetSocketAddress address = addresses.get(attempt % addresses.size());
      socket.send(new DatagramPacket(out.array(), out.position(), address));
      ByteBuffer in = await(id, request.kind(), addresses, WAIT_MILLIS << attempt);
      if (in != null) {
        return decode(in).fileIds().length > 0;
      }
    }
    throw new IOException("no answer from the shard at " + addresses);
  }

  /** The answer, positioned at its kind, or null when none comes in time. */
  private ByteBuffer await(long id, int kind, List<InetSocketAddress> from, int millis)
      throws IOException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    while (true) {
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0) {
        return null;
      }
      socket.setSoTimeout((int) left);
      DatagramPacket packet = new DatagramPacket(received, received.length);
      try {
        socket.receive(packet);
      } catch (SocketTimeoutException e) {
        return null;
      }
      ByteBuffer in =
          ByteBuffer.wrap(received, 0, packet.getLength()).order(ByteOrder.LITTLE_ENDIAN);
      if (in.remaining() >= Frames.UDP_HEADER_SIZE
          && from.contains(packet.getSocketAddress())
          && in.getInt() == ProtocolConstants.MAGIC_SHARD_RESPONSE
          && in.getLong() == id) {
        int answered = in.get(in.position()) & 0xff;
        if (answered == kind || answered == ProtocolConstants.ERROR_KIND) {
          return in;
        }
      }
    }
  }

  private static BlockServiceFilesResponse decode(ByteBuffer in) throws IOException, EggsException {
    try {
      if ((in.get() & 0xff) == ProtocolConstants.ERROR_KIND) {
        ErrorCode error = in.remaining() == 2 ? ErrorCode.ofCode(in.getShort() & 0xffff) : null;
        throw new EggsException(
            error == null ? ErrorCode.MALFORMED_RESPONSE : error, "BlockServiceFiles");
      }
      BlockServiceFilesResponse response = BlockServiceFilesResponse.decode(in);
      Frames.requireEnd(in);
      return response;
    } catch (MalformedMessageException e) {
      throw new IOException("malformed answer from a shard: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
