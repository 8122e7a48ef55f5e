package org.eggsfs.blocks.server;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.Crc32c;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.EraseBlockRequest;
import org.eggsfs.protocol.blocks.FetchBlockRequest;
import org.eggsfs.protocol.blocks.WriteBlockRequest;

/** A client's connection to a block server. Answers are an error's name, or {@link #OK}. */
final class Peer implements AutoCloseable {
  static final String OK = "ok";

  /** The server closed the connection instead of answering. */
  static final String CLOSED = "closed";

  private static final byte[] NONE = {};
  private static final int PATIENCE_MILLIS = 30_000;

  private final BlockServer server;
  private final Socket socket;
  private final DataInputStream in;

  Peer(BlockServer server) throws IOException {
    this.server = server;
    InetSocketAddress address = server.addresses().getFirst();
    socket = new Socket(address.getAddress(), address.getPort());
    socket.setSoTimeout(PATIENCE_MILLIS);
    in = new DataInputStream(socket.getInputStream());
  }

  private CbcMac key(long service) {
    return new CbcMac(server.secretKey(service));
  }

  private static byte[] request(long service, int kind, Message body, byte[] data) {
    ByteBuffer out = Frames.buffer(64 + data.length);
    Frames.putBlocksRequest(out, service, kind, body);
    out.put(data);
    byte[] bytes = new byte[out.position()];
    out.get(0, bytes);
    return bytes;
  }

  byte[] writeRequest(long service, long blockId, byte[] data) {
    int crc = Crc32c.sum(0, data, 0, data.length);
    long certificate =
        Certificates.writeCertificate(key(service), service, blockId, crc, data.length);
    return request(
        service,
        BlocksKind.WRITE_BLOCK,
        new WriteBlockRequest(blockId, crc, data.length, certificate),
        data);
  }

  static byte[] fetchRequest(long service, long blockId, int count) {
    return request(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(blockId, 0, count), NONE);
  }

  void send(byte[]... requests) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] request : requests) {
      all.write(request);
    }
    socket.getOutputStream().write(all.toByteArray());
  }

  /** The next answer, without its body of that many bytes. */
  String answer(int bodyLength) throws IOException {
    try {
      int magic = in.readInt();
      if (magic != 0x424c4f01) {
        throw new AssertionError("magic " + Integer.toHexString(magic));
      }
      if (in.readUnsignedByte() == 0) {
        return String.valueOf(ErrorCode.ofCode(Short.reverseBytes(in.readShort())));
      }
      if (in.readNBytes(bodyLength).length != bodyLength) {
        throw new EOFException();
      }
      return OK;
    } catch (EOFException | java.net.SocketException e) {
      return CLOSED;
    }
  }

  String write(long service, long blockId, byte[] data) throws IOException {
    send(writeRequest(service, blockId, data));
    return answer(8);
  }

  String fetch(long service, long blockId, int count) throws IOException {
    send(fetchRequest(service, blockId, count));
    return answer(count);
  }

  String erase(long service, long blockId) throws IOException {
    long certificate = Certificates.eraseCertificate(key(service), service, blockId);
    send(
        request(
            service, BlocksKind.ERASE_BLOCK, new EraseBlockRequest(blockId, certificate), NONE));
    return answer(8);
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
