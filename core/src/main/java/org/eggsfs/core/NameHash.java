package org.eggsfs.core;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * Hash of an edge name: XXH3, 64 bits, seed 0, default secret, with bit 63 cleared (wire.md section
 * 6). Names have at most 255 bytes, so of the long form only the single partial block is needed;
 * lengths up to 1,024 bytes are supported.
 */
public final class NameHash {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private static final long PRIME32_1 = 0x9E3779B1L;
  private static final long PRIME32_2 = 0x85EBCA77L;
  private static final long PRIME32_3 = 0xC2B2AE3DL;
  private static final long PRIME64_1 = 0x9E3779B185EBCA87L;
  private static final long PRIME64_2 = 0xC2B2AE3D27D4EB4FL;
  private static final long PRIME64_3 = 0x165667B19E3779F9L;
  private static final long PRIME64_4 = 0x85EBCA77C2B2AE63L;
  private static final long PRIME64_5 = 0x27D4EB2F165667C5L;
  private static final long PRIME_MX1 = 0x165667919E3779F9L;
  private static final long PRIME_MX2 = 0x9FB21C651E98DF25L;

  private static final int STRIPE = 64;
  private static final int LENGTH_MAX = 1024;

  /** The 192 bytes of XXH3's default secret: constants of the hash function. */
  private static final byte[] SECRET =
      HexFormat.of()
          .parseHex(
              "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
                  + "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
                  + "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
                  + "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
                  + "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
                  + "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e");

  private NameHash() {}

  /**
   * The hash of a name.
   *
   * @throws IllegalArgumentException beyond 1,024 bytes
   */
  public static long hash(byte[] name) {
    int n = name.length;
    long hash;
    if (n <= 16) {
      hash = hashShort(name, n);
    } else if (n <= 128) {
      hash = hash17To128(name, n);
    } else if (n <= 240) {
      hash = hash129To240(name, n);
    } else if (n <= LENGTH_MAX) {
      hash = hashLong(name, n);
    } else {
      throw new IllegalArgumentException("a name of " + n + " bytes");
    }
    return hash & Long.MAX_VALUE;
  }

  private static long hashShort(byte[] in, int n) {
    if (n > 8) {
      long flipLow = secret(24) ^ secret(32);
      long flipHigh = secret(40) ^ secret(48);
      long low = read64(in, 0) ^ flipLow;
      long high = read64(in, n - 8) ^ flipHigh;
      return avalanche(n + Long.reverseBytes(low) + high + foldedProduct(low, high));
    }
    if (n >= 4) {
      long flip = secret(8) ^ secret(16);
      long first = read32(in, 0);
      long last = read32(in, n - 4);
      long keyed = (last + (first << 32)) ^ flip;
      keyed ^= Long.rotateLeft(keyed, 49) ^ Long.rotateLeft(keyed, 24);
      keyed *= PRIME_MX2;
      keyed ^= (keyed >>> 35) + n;
      keyed *= PRIME_MX2;
      return keyed ^ (keyed >>> 28);
    }
    if (n > 0) {
      long first = in[0] & 0xff;
      long middle = in[n >> 1] & 0xff;
      long last = in[n - 1] & 0xff;
      long combined = (first << 16) | (middle << 24) | last | ((long) n << 8);
      long flip = (secret32(0) ^ secret32(4)) & 0xffff_ffffL;
      return avalanche64(combined ^ flip);
    }
    return avalanche64(secret(56) ^ secret(64));
  }

  private static long hash17To128(byte[] in, int n) {
    long acc = n * PRIME64_1;
    for (int i = (n - 1) / 32; i >= 0; i--) {
      acc += mix16(in, 16 * i, 32 * i);
      acc += mix16(in, n - 16 * (i + 1), 32 * i + 16);
    }
    return avalanche(acc);
  }

  private static long hash129To240(byte[] in, int n) {
    long acc = n * PRIME64_1;
    for (int i = 0; i < 8; i++) {
      acc += mix16(in, 16 * i, 16 * i);
    }
    acc = avalanche(acc);
    for (int i = 8; i < n / 16; i++) {
      acc += mix16(in, 16 * i, 16 * (i - 8) + 3);
    }
    acc += mix16(in, n - 16, 136 - 17);
    return avalanche(acc);
  }

  private static long hashLong(byte[] in, int n) {
    long[] acc = {
      PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1
    };
    int stripes = (n - 1) / STRIPE;
    for (int s = 0; s < stripes; s++) {
      accumulate(acc, in, s * STRIPE, s * 8);
    }
    accumulate(acc, in, n - STRIPE, SECRET.length - STRIPE - 7);
    long result = n * PRIME64_1;
    for (int i = 0; i < 4; i++) {
      result +=
          foldedProduct(acc[2 * i] ^ secret(11 + 16 * i), acc[2 * i + 1] ^ secret(11 + 16 * i + 8));
    }
    return avalanche(result);
  }

  private static void accumulate(long[] acc, byte[] in, int offset, int secretOffset) {
    for (int lane = 0; lane < 8; lane++) {
      long data = read64(in, offset + 8 * lane);
      long keyed = data ^ secret(secretOffset + 8 * lane);
      acc[lane ^ 1] += data;
      acc[lane] += (keyed & 0xffff_ffffL) * (keyed >>> 32);
    }
  }

  private static long mix16(byte[] in, int offset, int secretOffset) {
    return foldedProduct(
        read64(in, offset) ^ secret(secretOffset),
        read64(in, offset + 8) ^ secret(secretOffset + 8));
  }

  private static long foldedProduct(long a, long b) {
    return (a * b) ^ Math.unsignedMultiplyHigh(a, b);
  }

  private static long avalanche(long value) {
    long h = value ^ (value >>> 37);
    h *= PRIME_MX1;
    return h ^ (h >>> 32);
  }

  private static long avalanche64(long value) {
    long h = value ^ (value >>> 33);
    h *= PRIME64_2;
    h ^= h >>> 29;
    h *= PRIME64_3;
    return h ^ (h >>> 32);
  }

  private static long read64(byte[] in, int offset) {
    return (long) LONG.get(in, offset);
  }

  private static long read32(byte[] in, int offset) {
    return (int) INT.get(in, offset) & 0xffff_ffffL;
  }

  private static long secret(int offset) {
    return read64(SECRET, offset);
  }

  private static long secret32(int offset) {
    return read32(SECRET, offset);
  }
}
