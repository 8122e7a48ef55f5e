package org.eggsfs.shard.state;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Big-endian integers in byte arrays, and key comparison. */
final class Bytes {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private Bytes() {}

  static long getLong(byte[] bytes, int offset) {
    return (long) LONG.get(bytes, offset);
  }

  static void putLong(byte[] bytes, int offset, long value) {
    LONG.set(bytes, offset, value);
  }

  static int getInt(byte[] bytes, int offset) {
    return (int) INT.get(bytes, offset);
  }

  static void putInt(byte[] bytes, int offset, int value) {
    INT.set(bytes, offset, value);
  }

  static int getU8(byte[] bytes, int offset) {
    return bytes[offset] & 0xff;
  }

  /** Whether {@code key} starts with the first {@code length} bytes of {@code prefix}. */
  static boolean hasPrefix(byte[] key, byte[] prefix, int length) {
    return key.length >= length && Arrays.equals(key, 0, length, prefix, 0, length);
  }

  /** Refuses a stored value of a version this code does not know. */
  static void requireVersion(byte[] value, int version) {
    if (value.length == 0 || value[0] != version) {
      throw new IllegalStateException(
          "a stored value has version " + (value.length == 0 ? "none" : value[0]));
    }
  }
}
