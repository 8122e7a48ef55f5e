package org.eggsfs.core;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.concurrent.atomic.AtomicReferenceArray;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * CBC-MAC with AES-128 (wire.md section 7): zero start value, last chunk padded with zeros, result
 * the first 8 bytes. Thread-safe.
 *
 * <p>Ciphers are not, and are dear to make. Each key keeps up to {@link #KEPT_MAX} idle ones, made
 * when first needed: a shard knows the keys of thousands of disks and uses each from one thread, a
 * server may use one key from many.
 */
public final class CbcMac {
  private static final int CHUNK = 16;

  /** Idle ciphers per key, a power of two. */
  private static final int KEPT_MAX = 4;

  /** Bytes per call of the cipher; its output, of which only the end matters, is as long. */
  private static final int PIECE = 256;

  private final SecretKeySpec key;
  private final AtomicReferenceArray<Chain> idle = new AtomicReferenceArray<>(KEPT_MAX);

  /** A cipher between messages, and room for its output. */
  private static final class Chain {
    private final Cipher cipher;
    private final byte[] padded = new byte[CHUNK];
    private final byte[] output = new byte[PIECE + CHUNK];

    Chain(SecretKeySpec key) throws GeneralSecurityException {
      cipher = Cipher.getInstance("AES/CBC/NoPadding");
      cipher.init(Cipher.ENCRYPT_MODE, key, new IvParameterSpec(new byte[CHUNK]));
    }

    /** The MAC of at least one byte; leaves the cipher at its zero start value. */
    long mac(byte[] message, int offset, int length) throws GeneralSecurityException {
      int last = (length - 1) / CHUNK * CHUNK;
      for (int done = 0; done < last; done += PIECE) {
        cipher.update(message, offset + done, Math.min(PIECE, last - done), output, 0);
      }
      int rest = length - last;
      System.arraycopy(message, offset + last, padded, 0, rest);
      for (int i = rest; i < CHUNK; i++) {
        padded[i] = 0;
      }
      int written = cipher.doFinal(padded, 0, CHUNK, output, 0);
      long result = 0;
      for (int i = 7; i >= 0; i--) {
        result = result << 8 | (output[written - CHUNK + i] & 0xff);
      }
      return result;
    }
  }

  /** A MAC under a 16-byte key. */
  public CbcMac(byte[] key) {
    if (key.length != CHUNK) {
      throw new IllegalArgumentException("the key has " + key.length + " bytes instead of 16");
    }
    this.key = new SecretKeySpec(key, "AES");
  }

  /** The MAC of the remaining bytes, as the little-endian number of its 8 bytes. */
  public long mac(ByteBuffer message) {
    if (message.hasArray()) {
      return mac(message.array(), message.arrayOffset() + message.position(), message.remaining());
    }
    byte[] bytes = new byte[message.remaining()];
    message.duplicate().get(bytes);
    return mac(bytes, 0, bytes.length);
  }

  /** The MAC of a range, as the little-endian number of its 8 bytes. */
  public long mac(byte[] message, int offset, int length) {
    if (length == 0) {
      return 0;
    }
    int slot = (int) Thread.currentThread().threadId() & (KEPT_MAX - 1);
    Chain chain = idle.getAndSet(slot, null);
    try {
      if (chain == null) {
        chain = new Chain(key);
      }
      long result = chain.mac(message, offset, length);
      // Not after an exception: the chain would be in the middle of a message.
      idle.set(slot, chain);
      return result;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has AES, and whole chunks fit", e);
    }
  }
}
