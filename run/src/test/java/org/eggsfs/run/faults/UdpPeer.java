package org.eggsfs.run.faults;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;

/** A client that sends a datagram once and knows when to expect no answer any more. */
final class UdpPeer implements AutoCloseable {
  private static final int POLL_MILLIS = 10;
  private static final long LIMIT_NANOS = 60_000_000_000L;
  private static final int DATAGRAM_MAX = 9000;

  private final DatagramSocket socket;
  private long lastId = 1000;

  UdpPeer() throws IOException {
    socket = new DatagramSocket();
    socket.setSoTimeout(POLL_MILLIS);
  }

  /**
   * Asks, and asks again every second.
   *
   * @param isDown whether the server has stopped; what arrived before still counts
   * @return the answer from its kind on, kind 0 for an error, or null when there is none
   */
  ByteBuffer ask(
      InetSocketAddress server, int magic, int kind, Message body, BooleanSupplier isDown)
      throws IOException {
    long id = ++lastId;
    ByteBuffer out = Frames.buffer(1472);
    Frames.putUdp(out, magic, id, kind, body);
    long end = System.nanoTime() + LIMIT_NANOS;
    for (int i = 0; System.nanoTime() < end; i++) {
      if (i % (1000 / POLL_MILLIS) == 0) {
        socket.send(new DatagramPacket(out.array(), out.position(), server));
      }
      boolean last = isDown.getAsBoolean();
      ByteBuffer answer = receive(id);
      if (answer != null || last) {
        return answer;
      }
    }
    throw new AssertionError("neither an answer nor the news that the server is down");
  }

  private ByteBuffer receive(long id) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[DATAGRAM_MAX], DATAGRAM_MAX);
    try {
      socket.receive(packet);
    } catch (SocketTimeoutException e) {
      return null;
    }
    ByteBuffer in =
        ByteBuffer.wrap(Arrays.copyOf(packet.getData(), packet.getLength()))
            .order(ByteOrder.LITTLE_ENDIAN);
    return in.getLong(4) == id ? in.position(12) : null;
  }

  @Override
  public void close() {
    socket.close();
  }
}
