package org.eggsfs.protocol;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import org.eggsfs.core.InodeIds;

/** Primitives of the serialisation (wire.md section 1), used by the generated codecs. */
public final class Wire {
  private static final int LENGTH_MAX = ProtocolConstants.MAX_BYTES_LENGTH;
  private static final int COUNT_MAX = ProtocolConstants.MAX_LIST_LENGTH;

  private Wire() {}

  private static void need(ByteBuffer in, int bytes) {
    if (in.remaining() < bytes) {
      throw new MalformedMessageException("truncated");
    }
  }

  /** Any non-zero byte is true. */
  public static boolean getBool(ByteBuffer in) {
    return getU8(in) != 0;
  }

  /** Reads an unsigned byte. */
  public static int getU8(ByteBuffer in) {
    need(in, 1);
    return in.get() & 0xff;
  }

  /** Reads an unsigned 16-bit number. */
  public static int getU16(ByteBuffer in) {
    need(in, 2);
    return in.getShort() & 0xffff;
  }

  /** Reads an unsigned 32-bit number. */
  public static long getU32(ByteBuffer in) {
    need(in, 4);
    return in.getInt() & 0xffff_ffffL;
  }

  /** Reads 32 raw bits. */
  public static int getInt(ByteBuffer in) {
    need(in, 4);
    return in.getInt();
  }

  /** Reads 64 raw bits. */
  public static long getLong(ByteBuffer in) {
    need(in, 8);
    return in.getLong();
  }

  /** Reads an inode id and refuses an invalid one, bit 63 included (wire.md 2.1). */
  public static long getInodeId(ByteBuffer in) {
    long id = getLong(in);
    if (!InodeIds.isValid(id)) {
      throw new MalformedMessageException("invalid inode id");
    }
    return id;
  }

  /** Reads an inode id with a flag in bit 63. */
  public static long getInodeIdExtra(ByteBuffer in) {
    long id = getLong(in);
    if (!InodeIds.isValid(id & Long.MAX_VALUE)) {
      throw new MalformedMessageException("invalid inode id");
    }
    return id;
  }

  /** Reads shard (low byte) and replica (high byte, below 5). */
  public static int getShardReplicaId(ByteBuffer in) {
    int id = getU16(in);
    if (id >>> 8 >= ProtocolConstants.REPLICA_COUNT) {
      throw new MalformedMessageException("invalid replica");
    }
    return id;
  }

  /** Reads an IPv4 address: 10.1.2.3 is 0x0a010203. */
  public static int getIp(ByteBuffer in) {
    return Integer.reverseBytes(getInt(in));
  }

  /** Writes an IPv4 address in network order. */
  public static void putIp(ByteBuffer out, int ip) {
    out.putInt(Integer.reverseBytes(ip));
  }

  /** Reads a byte string with its length byte. */
  public static byte[] getBytes(ByteBuffer in) {
    int length = getU8(in);
    need(in, length);
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  /** Writes a byte string of at most 255 bytes. */
  public static void putBytes(ByteBuffer out, byte[] bytes) {
    if (bytes.length > LENGTH_MAX) {
      throw new IllegalArgumentException("byte string of " + bytes.length + " bytes, at most 255");
    }
    out.put((byte) bytes.length).put(bytes);
  }

  /** Reads 16 raw bytes. */
  public static byte[] getFixed16(ByteBuffer in) {
    need(in, 16);
    byte[] bytes = new byte[16];
    in.get(bytes);
    return bytes;
  }

  /** Writes 16 raw bytes. */
  public static void putFixed16(ByteBuffer out, byte[] bytes) {
    if (bytes.length != 16) {
      throw new IllegalArgumentException("expected 16 bytes, got " + bytes.length);
    }
    out.put(bytes);
  }

  /** Reads a list; refuses a count that the remaining bytes cannot hold before it allocates. */
  public static <T> List<T> getList(
      ByteBuffer in, int elementSizeMin, Function<ByteBuffer, T> decoder) {
    int count = count(in, elementSizeMin);
    if (count == 0) {
      return List.of();
    }
    List<T> list = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      list.add(decoder.apply(in));
    }
    return list;
  }

  private static int count(ByteBuffer in, int elementSizeMin) {
    int count = getU16(in);
    if ((long) count * elementSizeMin > in.remaining()) {
      throw new MalformedMessageException("list longer than the message");
    }
    return count;
  }

  private static void putCount(ByteBuffer out, int count) {
    if (count > COUNT_MAX) {
      throw new IllegalArgumentException("list of " + count + " elements, at most 65535");
    }
    out.putShort((short) count);
  }

  /** Writes a list with its count. */
  public static void putList(ByteBuffer out, List<? extends Message> list) {
    putCount(out, list.size());
    for (int i = 0; i < list.size(); i++) {
      list.get(i).encode(out);
    }
  }

  /** The bytes of all elements, without the count. */
  public static int sizeOf(List<? extends Message> list) {
    int size = 0;
    for (int i = 0; i < list.size(); i++) {
      size += list.get(i).encodedSize();
    }
    return size;
  }

  /** Reads a list of 64-bit values. */
  public static long[] getLongs(ByteBuffer in) {
    long[] values = new long[count(in, 8)];
    for (int i = 0; i < values.length; i++) {
      values[i] = in.getLong();
    }
    return values;
  }

  /** Reads a list of valid inode ids. */
  public static long[] getInodeIds(ByteBuffer in) {
    long[] values = new long[count(in, 8)];
    for (int i = 0; i < values.length; i++) {
      values[i] = getInodeId(in);
    }
    return values;
  }

  /** Writes a list of 64-bit values. */
  public static void putLongs(ByteBuffer out, long[] values) {
    putCount(out, values.length);
    for (long value : values) {
      out.putLong(value);
    }
  }

  /** Reads a list of 32-bit values. */
  public static int[] getInts(ByteBuffer in) {
    int[] values = new int[count(in, 4)];
    for (int i = 0; i < values.length; i++) {
      values[i] = in.getInt();
    }
    return values;
  }

  /** Writes a list of 32-bit values. */
  public static void putInts(ByteBuffer out, int[] values) {
    putCount(out, values.length);
    for (int value : values) {
      out.putInt(value);
    }
  }

  /** Refuses a union whose selector chooses none of its cases. */
  public static void requireSelector(boolean legal) {
    if (!legal) {
      throw new MalformedMessageException("illegal union selector");
    }
  }

  /** Text of a byte string: as it is where it is printable ASCII, else hex. */
  public static String text(byte[] bytes) {
    for (byte b : bytes) {
      if (b < ' ' || b > '~') {
        return "0x" + HexFormat.of().formatHex(bytes);
      }
    }
    return "'" + new String(bytes, java.nio.charset.StandardCharsets.US_ASCII) + "'";
  }

  /** Text of a list of numbers. */
  public static String text(long[] values) {
    return Arrays.toString(values);
  }

  /** Text of a list of numbers. */
  public static String text(int[] values) {
    return Arrays.toString(values);
  }
}
