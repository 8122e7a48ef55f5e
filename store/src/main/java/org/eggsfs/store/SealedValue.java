package org.eggsfs.store;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/**
 * How a value lies in the database: its bytes, then the CRC-32C (u32, little-endian) of its key and
 * of itself. The database's own checksums say that a block is as it was written; this one says that
 * a value is the one that was put under its key, whatever happened above, below and between.
 */
final class SealedValue {
  private static final int CRC_SIZE = 4;

  private SealedValue() {}

  static byte[] seal(byte[] key, byte[] value) {
    byte[] sealed = Arrays.copyOf(value, value.length + CRC_SIZE);
    putCrc(sealed, value.length, crc(key, value, value.length));
    return sealed;
  }

  /**
   * The value.
   *
   * @throws StoreException if it is not what was put under this key; the message names the key
   */
  static byte[] open(byte[] key, byte[] sealed) {
    int size = sealed.length - CRC_SIZE;
    if (size < 0 || crc(key, sealed, size) != ByteBuffer.wrap(sealed).getInt(size)) {
      throw new StoreException(
          "the database holds a damaged value of "
              + sealed.length
              + " bytes under the key "
              + HexFormat.of().formatHex(key)
              + "; restore the database from a copy");
    }
    return Arrays.copyOf(sealed, size);
  }

  private static int crc(byte[] key, byte[] value, int size) {
    CRC32C crc = new CRC32C();
    crc.update(key, 0, key.length);
    crc.update(value, 0, size);
    return Integer.reverseBytes((int) crc.getValue());
  }

  private static void putCrc(byte[] target, int offset, int crc) {
    ByteBuffer.wrap(target).putInt(offset, crc);
  }
}
