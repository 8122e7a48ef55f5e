package org.eggsfs.client;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/**
 * Names, paths and symlink texts as Java strings from which their bytes come back. Names are bytes,
 * mostly UTF-8; a byte that is none becomes the lone surrogate {@code U+DC00 + byte}, which no
 * UTF-8 decodes to. So two names are never one text, and a path can be taken apart and looked up
 * whatever it consists of.
 *
 * <p>Such a text is not for people: writing it as UTF-8 puts question marks.
 */
public final class NameText {
  /** Plus a byte of 0x80 to 0xff: a low surrogate without the high one before it. */
  private static final char ESCAPE = 0xdc00;

  private static final char ESCAPE_MIN = ESCAPE + 0x80;
  private static final char ESCAPE_MAX = ESCAPE + 0xff;

  private NameText() {}

  /** The text of some bytes. */
  public static String of(byte[] bytes) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(bytes);
    // No sequence has more characters than bytes.
    CharBuffer out = CharBuffer.allocate(bytes.length);
    while (true) {
      CoderResult result = decoder.decode(in, out, true);
      if (result.isUnderflow()) {
        return out.flip().toString();
      }
      for (int i = 0; i < result.length(); i++) {
        out.put((char) (ESCAPE | in.get() & 0xff));
      }
      decoder.reset();
    }
  }

  /** The bytes of a text. */
  public static byte[] bytes(String text) {
    if (isUtf8(text)) {
      return text.getBytes(StandardCharsets.UTF_8);
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
    int done = 0;
    for (int i = 0; i < text.length(); i++) {
      if (isByte(text, i)) {
        bytes.writeBytes(text.substring(done, i).getBytes(StandardCharsets.UTF_8));
        bytes.write(text.charAt(i));
        done = i + 1;
      }
    }
    bytes.writeBytes(text.substring(done).getBytes(StandardCharsets.UTF_8));
    return bytes.toByteArray();
  }

  /** Whether the bytes of a text are UTF-8. */
  public static boolean isUtf8(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (isByte(text, i)) {
        return false;
      }
    }
    return true;
  }

  /** Whether a character stands for a byte, its lowest eight bits, that is no UTF-8. */
  public static boolean isByte(String text, int index) {
    char c = text.charAt(index);
    return c >= ESCAPE_MIN
        && c <= ESCAPE_MAX
        && (index == 0 || !Character.isHighSurrogate(text.charAt(index - 1)));
  }
}
