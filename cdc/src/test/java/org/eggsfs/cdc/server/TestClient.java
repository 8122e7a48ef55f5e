package org.eggsfs.cdc.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;

/** A client made of one socket. */
final class TestClient implements AutoCloseable {
  private static final int TRY_MILLIS = 2000;
  private static final int TRIES = 10;

  final DatagramSocket socket;
  private long lastId = 1_000_000;

  TestClient() throws IOException {
    socket = new DatagramSocket();
  }

  long nextId() {
    lastId++;
    return lastId;
  }

  void send(InetSocketAddress to, long id, CdcRequest request) throws IOException {
    ByteBuffer out = Frames.buffer(ProtocolConstants.MAX_UDP_MTU);
    Frames.putUdp(out, ProtocolConstants.MAGIC_CDC_REQUEST, id, request.kind(), request);
    socket.send(new DatagramPacket(out.array(), out.position(), to));
  }

  /** One packet, or null after a time of silence. */
  DatagramPacket receive(int millis) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[9000], 9000);
    socket.setSoTimeout(millis);
    try {
      socket.receive(packet);
      return packet;
    } catch (SocketTimeoutException e) {
      return null;
    }
  }

  static ByteBuffer content(DatagramPacket packet) {
    return ByteBuffer.wrap(Arrays.copyOf(packet.getData(), packet.getLength()))
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  CdcResponse call(InetSocketAddress cdc, CdcRequest request) throws IOException, EggsException {
    return call(cdc, nextId(), request);
  }

  /** Asks until it is answered. */
  CdcResponse call(InetSocketAddress cdc, long id, CdcRequest request)
      throws IOException, EggsException {
    for (int i = 0; i < TRIES; i++) {
      send(cdc, id, request);
      DatagramPacket packet = receive(TRY_MILLIS);
      while (packet != null) {
        ByteBuffer in = content(packet);
        assertEquals(ProtocolConstants.MAGIC_CDC_RESPONSE, in.getInt());
        if (in.getLong() == id) {
          return decode(in, request);
        }
        packet = receive(TRY_MILLIS);
      }
    }
    throw new EggsException(ErrorCode.TIMEOUT);
  }

  static CdcResponse decode(ByteBuffer in, CdcRequest request) throws EggsException {
    int kind = in.get() & 0xff;
    if (kind == 0) {
      ErrorCode error = ErrorCode.ofCode(in.getShort() & 0xffff);
      Frames.requireEnd(in);
      throw new EggsException(error);
    }
    assertEquals(request.kind(), kind);
    CdcResponse response = CdcResponse.decode(kind, in);
    Frames.requireEnd(in);
    return response;
  }

  ShardResponse call(InetSocketAddress shard, ShardRequest request)
      throws IOException, EggsException {
    long id = nextId();
    ByteBuffer out = Frames.buffer(ProtocolConstants.MAX_UDP_MTU);
    Frames.putUdp(out, ProtocolConstants.MAGIC_SHARD_REQUEST, id, request.kind(), request);
    for (int i = 0; i < TRIES; i++) {
      socket.send(new DatagramPacket(out.array(), out.position(), shard));
      DatagramPacket packet = receive(TRY_MILLIS);
      if (packet != null) {
        ByteBuffer in = content(packet);
        assertEquals(ProtocolConstants.MAGIC_SHARD_RESPONSE, in.getInt());
        assertEquals(id, in.getLong());
        int kind = in.get() & 0xff;
        if (kind == 0) {
          throw new EggsException(ErrorCode.ofCode(in.getShort() & 0xffff));
        }
        return ShardResponse.decode(kind, in);
      }
    }
    throw new EggsException(ErrorCode.TIMEOUT);
  }

  @Override
  public void close() {
    socket.close();
  }
}
