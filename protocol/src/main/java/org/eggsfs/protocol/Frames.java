package org.eggsfs.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.eggsfs.core.CbcMac;

/**
 * Frames of the four services (wire.md sections 3, 9, 10): what stands around a message body. All
 * methods work on little-endian buffers; the {@code put} methods write at the buffer's position.
 */
public final class Frames {
  /** Magic, request id, kind. */
  public static final int UDP_HEADER_SIZE = 13;

  /** Magic, request id, checkpoint, kind: header of a signed response. */
  public static final int SIGNED_RESPONSE_HEADER_SIZE = 21;

  /** The MAC at the end of a signed frame. */
  public static final int MAC_SIZE = 8;

  /** Magic, length. */
  public static final int SHUCKLE_HEADER_SIZE = 8;

  /** Magic, block service id, kind. */
  public static final int BLOCKS_REQUEST_HEADER_SIZE = 13;

  /** Magic, kind. */
  public static final int BLOCKS_RESPONSE_HEADER_SIZE = 5;

  /** Magic, kind 0, error code. */
  public static final int BLOCKS_ERROR_SIZE = 7;

  private Frames() {}

  /** A new little-endian heap buffer. */
  public static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A new little-endian direct buffer. */
  public static ByteBuffer directBuffer(int size) {
    return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Fails unless the whole message was read (decoders are strict, wire.md Overview 9). */
  public static void requireEnd(ByteBuffer in) {
    if (in.hasRemaining()) {
      throw new MalformedMessageException(in.remaining() + " trailing bytes");
    }
  }

  /**
   * Tells a repeated request from another one that happens to have the same id: length and CRC of
   * all bytes up to the buffer's limit, whatever its position.
   */
  public static long fingerprint(ByteBuffer frame) {
    CRC32C crc = new CRC32C();
    int length = frame.limit();
    crc.update(frame.slice(0, length));
    return (long) length << 32 | crc.getValue();
  }

  /** Writes an unsigned UDP frame, request or successful response alike. */
  public static void putUdp(ByteBuffer out, int magic, long requestId, int kind, Message body) {
    out.putInt(magic).putLong(requestId).put((byte) kind);
    body.encode(out);
  }

  /** Writes an unsigned UDP error response: exactly 15 bytes. */
  public static void putUdpError(ByteBuffer out, int magic, long requestId, ErrorCode error) {
    out.putInt(magic).putLong(requestId).put((byte) 0).putShort((short) error.code());
  }

  /** Writes a signed request from the CDC to a shard. */
  public static void putSignedRequest(
      ByteBuffer out, long requestId, int kind, Message body, CbcMac key) {
    int start = out.position();
    putUdp(out, ProtocolConstants.MAGIC_CDC_TO_SHARD_REQUEST, requestId, kind, body);
    putMac(out, start, key);
  }

  /** Writes a signed successful response from a shard to the CDC. */
  public static void putSignedResponse(
      ByteBuffer out, long requestId, long checkpoint, int kind, Message body, CbcMac key) {
    int start = out.position();
    out.putInt(ProtocolConstants.MAGIC_CDC_TO_SHARD_RESPONSE).putLong(requestId);
    out.putLong(checkpoint).put((byte) kind);
    body.encode(out);
    putMac(out, start, key);
  }

  /** Writes a signed error response from a shard to the CDC: exactly 31 bytes. */
  public static void putSignedError(
      ByteBuffer out, long requestId, long checkpoint, ErrorCode error, CbcMac key) {
    int start = out.position();
    out.putInt(ProtocolConstants.MAGIC_CDC_TO_SHARD_RESPONSE).putLong(requestId);
    out.putLong(checkpoint).put((byte) 0).putShort((short) error.code());
    putMac(out, start, key);
  }

  private static void putMac(ByteBuffer out, int start, CbcMac key) {
    out.putLong(key.mac(out.slice(start, out.position() - start)));
  }

  /**
   * Checks the MAC at the end of a signed frame and cuts it off by lowering the limit.
   *
   * @param in positioned at the magic, limit behind the MAC
   * @throws MalformedMessageException if the frame is too short or the MAC is wrong
   */
  public static void checkMac(ByteBuffer in, CbcMac key) {
    int end = in.limit() - MAC_SIZE;
    if (end < in.position() + UDP_HEADER_SIZE
        || in.getLong(end) != key.mac(in.slice(in.position(), end - in.position()))) {
      throw new MalformedMessageException("bad MAC");
    }
    in.limit(end);
  }

  /** Writes a shuckle frame, request or successful response alike. */
  public static void putShuckle(ByteBuffer out, int magic, int kind, Message body) {
    out.putInt(magic).putInt(1 + body.encodedSize()).put((byte) kind);
    body.encode(out);
  }

  /**
   * Writes a shuckle error: the correct 3-byte frame, then the code once more, which keeps clients
   * that look for it behind the frame from hanging (wire.md section 9).
   */
  public static void putShuckleError(ByteBuffer out, ErrorCode error) {
    out.putInt(ProtocolConstants.MAGIC_SHUCKLE_RESPONSE).putInt(3).put((byte) 0);
    out.putShort((short) error.code()).putShort((short) error.code());
  }

  /** Writes the head of a block request; data of a write follows it. */
  public static void putBlocksRequest(ByteBuffer out, long serviceId, int kind, Message body) {
    out.putInt(ProtocolConstants.MAGIC_BLOCKS_REQUEST).putLong(serviceId).put((byte) kind);
    body.encode(out);
  }

  /** Writes the head of a successful block response; data of a fetch follows it. */
  public static void putBlocksResponse(ByteBuffer out, int kind, Message body) {
    out.putInt(ProtocolConstants.MAGIC_BLOCKS_RESPONSE).put((byte) kind);
    body.encode(out);
  }

  /** Writes a block error response: exactly 7 bytes. */
  public static void putBlocksError(ByteBuffer out, ErrorCode error) {
    out.putInt(ProtocolConstants.MAGIC_BLOCKS_RESPONSE).put((byte) 0);
    out.putShort((short) error.code());
  }
}
