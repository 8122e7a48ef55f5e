package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Goal: any bytes come back from their text. Method: chosen sequences and random ones. */
class NameTextTest {
  private static byte[] hex(String digits) {
    return HexFormat.of().parseHex(digits);
  }

  @Test
  void utf8IsItself() {
    for (String text : List.of("", "a", "grün", "文", "\ud83d\ude00", "a\u0000\n\ufffd")) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      assertEquals(text, NameText.of(bytes));
      assertArrayEquals(bytes, NameText.bytes(text));
      assertTrue(NameText.isUtf8(text));
    }
    // Its second half looks like a byte, but is none behind the first.
    String pair = new String(Character.toChars(0x10080));
    assertTrue(NameText.isUtf8(pair));
    assertArrayEquals(pair.getBytes(StandardCharsets.UTF_8), NameText.bytes(pair));
  }

  @Test
  void otherBytesStayApart() {
    // Latin-1; a sequence cut short; overlong; surrogates in UTF-8; beyond Unicode.
    for (String digits :
        List.of("e4", "61e462", "c3", "e282", "c080", "edb280", "f4908080", "ff")) {
      byte[] bytes = hex(digits);
      String text = NameText.of(bytes);
      assertFalse(NameText.isUtf8(text), digits);
      assertArrayEquals(bytes, NameText.bytes(text), digits);
    }
    assertNotEquals(NameText.of(hex("61e4")), NameText.of(hex("61e5")));
    assertEquals("a\udce4b", NameText.of(hex("61e462")));
  }

  @Test
  void anyBytesComeBack() {
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = new byte[random.nextInt(12)];
      random.nextBytes(bytes);
      assertArrayEquals(bytes, NameText.bytes(NameText.of(bytes)));
    }
  }

  @Test
  void pathsAreOfNames() {
    String path = "/a/" + NameText.of(hex("62e4")) + "/./x/../" + NameText.of(hex("63ff"));
    List<byte[]> components = ClientPaths.components(path);
    assertEquals(3, components.size());
    assertArrayEquals(hex("62e4"), components.get(1));
    assertArrayEquals(hex("63ff"), components.get(2));
    assertArrayEquals(
        hex("63ff"), ClientPaths.components(ClientPaths.join(components, 3)).getLast());
  }
}
