package org.eggsfs.tests.check;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.tests.scenario.Failure;

/** File content that follows from a number, so that a reader knows each byte without a copy. */
public final class Content {
  private static final int CHUNK_BYTES = 1 << 20;

  private Content() {}

  /** The byte at an offset of the content of a seed. */
  static byte byteAt(long seed, long offset) {
    return (byte) (word(seed, offset >>> 3) >>> (8 * (offset & 7)));
  }

  private static long word(long seed, long index) {
    long z = seed + (index + 1) * 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** Fills a buffer with the bytes from an offset on. */
  public static void fill(long seed, long offset, ByteBuffer into) {
    into.order(ByteOrder.LITTLE_ENDIAN);
    long at = offset;
    while (into.hasRemaining()) {
      if ((at & 7) == 0 && into.remaining() >= 8) {
        into.putLong(word(seed, at >>> 3));
        at += 8;
      } else {
        into.put(byteAt(seed, at));
        at++;
      }
    }
  }

  /** A whole content. */
  public static byte[] bytes(long seed, int size) {
    ByteBuffer buffer = ByteBuffer.allocate(size);
    fill(seed, 0, buffer);
    return buffer.array();
  }

  /** Reads a whole file and compares; the result is the number of bytes. */
  public static long check(EggsClient client, long file, long seed, long size, String name)
      throws IOException, EggsException, Failure {
    try (FileReader reader = client.files().open(file)) {
      Failure.unlessEqual(size, reader.size(), name + " size");
      for (long offset = 0; offset < size; offset += CHUNK_BYTES) {
        checkRange(reader, seed, offset, (int) Math.min(CHUNK_BYTES, size - offset), name);
      }
      ByteBuffer beyond = ByteBuffer.allocate(1);
      Failure.unlessEqual(-1, reader.read(size, beyond), name + " read at its end");
    }
    return size;
  }

  /** Reads a part of a file and compares. */
  public static void checkRange(FileReader reader, long seed, long offset, int length, String name)
      throws IOException, EggsException, Failure {
    ByteBuffer found = ByteBuffer.allocate(length);
    reader.readFully(offset, found);
    ByteBuffer expected = ByteBuffer.allocate(length);
    fill(seed, offset, expected);
    int difference = expected.flip().mismatch(found.flip());
    Failure.unless(difference < 0, name + " differs at byte " + (offset + difference));
  }
}
