package org.eggsfs.blocks.server;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.Crc32c;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.CheckBlockRequest;
import org.eggsfs.protocol.blocks.EraseBlockRequest;
import org.eggsfs.protocol.blocks.FetchBlockRequest;
import org.eggsfs.protocol.blocks.FetchBlockWithCrcRequest;
import org.eggsfs.protocol.blocks.ListBlocksRequest;
import org.eggsfs.protocol.blocks.QuarantineBlockRequest;
import org.eggsfs.protocol.blocks.TestWriteRequest;
import org.eggsfs.protocol.blocks.WriteBlockRequest;
import org.eggsfs.protocol.struct.BlockFile;

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
  private byte[] body = NONE;
  private List<BlockFile> listed = List.of();

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
      body = in.readNBytes(bodyLength);
      if (body.length != bodyLength) {
        throw new EOFException();
      }
      return OK;
    } catch (EOFException | java.net.SocketException e) {
      return CLOSED;
    }
  }

  /** What the last answer carried. */
  byte[] body() {
    return body.clone();
  }

  /** Takes more bytes of the last answer, whose length was not known. */
  ByteBuffer more(int length) throws IOException {
    byte[] bytes = in.readNBytes(length);
    if (bytes.length != length) {
      throw new EOFException();
    }
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  String fetchWithCrcs(long service, long blockId, int count) throws IOException {
    send(
        request(
            service,
            BlocksKind.FETCH_BLOCK_WITH_CRC,
            new FetchBlockWithCrcRequest(0, blockId, 0, 0, count),
            NONE));
    return answer(count / BlockFormat.PAGE * BlockFormat.RECORD);
  }

  String check(long service, long blockId, int size, int crc) throws IOException {
    send(request(service, BlocksKind.CHECK_BLOCK, new CheckBlockRequest(blockId, size, crc), NONE));
    return answer(0);
  }

  String testWrite(long service, byte[] data) throws IOException {
    send(request(service, BlocksKind.TEST_WRITE, new TestWriteRequest(data.length), data));
    return answer(0);
  }

  String quarantine(long service, long blockId) throws IOException {
    long certificate = Certificates.quarantineCertificate(key(service), service, blockId);
    send(
        request(
            service,
            BlocksKind.QUARANTINE_BLOCK,
            new QuarantineBlockRequest(blockId, certificate),
            NONE));
    return answer(0);
  }

  /** Asks for the block files of a directory; they are in {@link #listed}. */
  String list(long service, int directory) throws IOException {
    send(request(service, BlocksKind.LIST_BLOCKS, new ListBlocksRequest(directory, 0, 0), NONE));
    String answer = answer(10);
    if (answer.equals(OK)) {
      int count =
          Short.toUnsignedInt(ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN).getShort(8));
      ByteBuffer in = more(16 * count);
      listed = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        listed.add(BlockFile.decode(in));
      }
    }
    return answer;
  }

  /** What the last listing had. */
  List<BlockFile> listed() {
    return List.copyOf(listed);
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

  /** Ends the connection in the middle of what it does. */
  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
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
