package org.eggsfs.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Goal: one MAC whatever the length, the buffer or the thread. Method: a second implementation. */
class CbcMacTest {
  private static final byte[] KEY = HexFormat.of().parseHex("2b7e151628aed2a6abf7158809cf4f3c");

  /** Section 7 word by word: one block operation per chunk. */
  private static long definition(byte[] message) throws Exception {
    Cipher block = Cipher.getInstance("AES/ECB/NoPadding");
    block.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(KEY, "AES"));
    byte[] state = new byte[16];
    for (int from = 0; from < message.length; from += 16) {
      for (int i = from; i < Math.min(from + 16, message.length); i++) {
        state[i - from] ^= message[i];
      }
      state = block.doFinal(state);
    }
    return Long.reverseBytes(ByteBuffer.wrap(state).getLong());
  }

  @Example
  void publishedValue() {
    byte[] message = HexFormat.of().parseHex("3243f6a8885a308d313198a2e0370734");
    assertEquals(
        "3925841d02dc09fb",
        HexFormat.of()
            .toHexDigits(Long.reverseBytes(new CbcMac(KEY).mac(message, 0, message.length))));
  }

  @Property(tries = 150)
  void anyLengthInAnyBuffer(
      @ForAll @IntRange(max = 1500) int length,
      @ForAll @IntRange(max = 20) int offset,
      @ForAll long seed)
      throws Exception {
    byte[] bytes = new byte[offset + length + 5];
    new Random(seed).nextBytes(bytes);
    long expected = definition(Arrays.copyOfRange(bytes, offset, offset + length));
    CbcMac mac = new CbcMac(KEY);
    assertEquals(expected, mac.mac(bytes, offset, length));
    // A kept cipher must have forgotten the last message.
    assertEquals(expected, mac.mac(bytes, offset, length));
    ByteBuffer heap = ByteBuffer.wrap(bytes, offset, length);
    assertEquals(expected, mac.mac(heap));
    assertEquals(length, heap.remaining());
    assertEquals(expected, mac.mac(heap.slice()));
    ByteBuffer direct = ByteBuffer.allocateDirect(length).put(bytes, offset, length).flip();
    assertEquals(expected, mac.mac(direct));
    assertEquals(length, direct.remaining());
  }

  @Example
  void aRefusedMessageLeavesNoTrace() throws Exception {
    CbcMac mac = new CbcMac(KEY);
    byte[] message = new byte[40];
    assertEquals(definition(message), mac.mac(message, 0, 40));
    assertThrows(RuntimeException.class, () -> mac.mac(message, 0, 400));
    assertEquals(definition(message), mac.mac(message, 0, 40));
    assertThrows(IllegalArgumentException.class, () -> new CbcMac(new byte[15]));
  }

  @Example
  void manyThreadsOneKey() throws Exception {
    CbcMac mac = new CbcMac(KEY);
    List<Future<Boolean>> results = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(6)) {
      for (int t = 0; t < 6; t++) {
        int length = 17 + t * 40;
        results.add(threads.submit(() -> agreesRepeatedly(mac, length)));
      }
      for (Future<Boolean> result : results) {
        assertEquals(true, get(result));
      }
    }
  }

  private static boolean agreesRepeatedly(CbcMac mac, int length) throws Exception {
    byte[] message = new byte[length];
    new Random(length).nextBytes(message);
    long expected = definition(message);
    for (int i = 0; i < 2000; i++) {
      if (mac.mac(message, 0, length) != expected) {
        return false;
      }
    }
    return true;
  }

  private static boolean get(Future<Boolean> result)
      throws InterruptedException, ExecutionException {
    return result.get();
  }
}
