package org.eggsfs.core;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/**
 * CBC-MAC with AES-128 (wire.md section 7): zero start value, last chunk padded with zeros, result
 * the first 8 bytes. Thread-safe.
 */
public final class CbcMac {
  private static final int CHUNK = 16;

  private final SecretKeySpec key;
  private final ThreadLocal<Cipher> ciphers;

  /** A MAC under a 16-byte key. */
  public CbcMac(byte[] key) {
    if (key.length != CHUNK) {
      throw new IllegalArgumentException("the key has " + key.length + " bytes instead of 16");
    }
    this.key = new SecretKeySpec(key, "AES");
    this.ciphers = ThreadLocal.withInitial(this::newCipher);
  }

  private Cipher newCipher() {
    try {
      // The block primitive alone; chaining is ours.
      Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding");
      cipher.init(Cipher.ENCRYPT_MODE, key);
      return cipher;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has AES", e);
    }
  }

  /** The MAC of the remaining bytes, as the little-endian number of its 8 bytes. */
  public long mac(ByteBuffer message) {
    byte[] bytes = new byte[message.remaining()];
    message.duplicate().get(bytes);
    return mac(bytes, 0, bytes.length);
  }

  /** The MAC of a range, as the little-endian number of its 8 bytes. */
  public long mac(byte[] message, int offset, int length) {
    byte[] state = new byte[CHUNK];
    Cipher cipher = ciphers.get();
    try {
      for (int done = 0; done < length; done += CHUNK) {
        int chunk = Math.min(CHUNK, length - done);
        for (int i = 0; i < chunk; i++) {
          state[i] ^= message[offset + done + i];
        }
        cipher.update(state, 0, CHUNK, state, 0);
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES over whole blocks cannot fail", e);
    }
    long result = 0;
    for (int i = 7; i >= 0; i--) {
      result = result << 8 | (state[i] & 0xff);
    }
    return result;
  }
}
