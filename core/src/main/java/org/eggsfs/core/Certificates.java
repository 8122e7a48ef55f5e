package org.eggsfs.core;

/**
 * Permissions and proofs that travel inside messages (wire.md section 7). Each is a CBC-MAC under a
 * block service's key; results are the little-endian numbers of the 8 bytes.
 */
public final class Certificates {
  private static final int SHORT_LENGTH = 17;
  private static final int WRITE_LENGTH = 25;

  private Certificates() {}

  /** A shard allows the write of one block. */
  public static long writeCertificate(
      CbcMac key, long serviceId, long blockId, int blockCrc, long blockSize) {
    byte[] message = message(WRITE_LENGTH, serviceId, 'w', blockId);
    putLittleEndian(message, SHORT_LENGTH, blockCrc & 0xffff_ffffL, 4);
    putLittleEndian(message, SHORT_LENGTH + 4, blockSize, 4);
    return key.mac(message, 0, message.length);
  }

  /** A block service states that it wrote the block. */
  public static long writeProof(CbcMac key, long serviceId, long blockId) {
    return key.mac(message(SHORT_LENGTH, serviceId, 'W', blockId), 0, SHORT_LENGTH);
  }

  /** A shard allows the erasure of one block. */
  public static long eraseCertificate(CbcMac key, long serviceId, long blockId) {
    return key.mac(message(SHORT_LENGTH, serviceId, 'e', blockId), 0, SHORT_LENGTH);
  }

  /** A block service, or the shuckle for a dead one, states that the block is gone. */
  public static long eraseProof(CbcMac key, long serviceId, long blockId) {
    return key.mac(message(SHORT_LENGTH, serviceId, 'E', blockId), 0, SHORT_LENGTH);
  }

  /** Ours: an auditor found that nothing refers to the block, which may be put aside. */
  public static long quarantineCertificate(CbcMac key, long serviceId, long blockId) {
    return key.mac(message(SHORT_LENGTH, serviceId, 'q', blockId), 0, SHORT_LENGTH);
  }

  /** The cookie of a transient file under its shard's secret. */
  public static long cookie(CbcMac shardSecret, long inodeId) {
    byte[] message = new byte[8];
    putLittleEndian(message, 0, inodeId, 8);
    return shardSecret.mac(message, 0, message.length);
  }

  /** The id of the block service with that 16-byte key (wire.md section 2.2). */
  public static long blockServiceId(byte[] secretKey) {
    long id = 0;
    for (int i = 7; i >= 0; i--) {
      id = id << 8 | (secretKey[i] & 0xff);
    }
    return id & Long.MAX_VALUE;
  }

  private static byte[] message(int length, long serviceId, char letter, long blockId) {
    byte[] message = new byte[length];
    putLittleEndian(message, 0, serviceId, 8);
    message[8] = (byte) letter;
    putLittleEndian(message, 9, blockId, 8);
    return message;
  }

  private static void putLittleEndian(byte[] out, int offset, long value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      out[offset + i] = (byte) (value >>> 8 * i);
    }
  }
}
