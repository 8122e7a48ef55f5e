package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.eggsfs.client.NameText;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: names are bytes, here, there, on a terminal and on the command line. */
class NamesTest {
  @TempDir private Path folder;

  private static byte[] hex(String digits) {
    return HexFormat.of().parseHex(digits);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  // ---- local names ----

  @Test
  void localNamesKeepTheirBytes() throws Exception {
    TreeSet<String> made = new TreeSet<>();
    for (String digits :
        List.of("61", "61e4", "61e5", "c3bc", "0a", "25342320", "efbfbd", "5c78")) {
      Files.createFile(LocalNames.child(folder, hex(digits)));
      made.add(digits);
    }
    TreeSet<String> seen = new TreeSet<>();
    try (Stream<Path> entries = Files.list(folder)) {
      entries.forEach(path -> seen.add(HexFormat.of().formatHex(LocalNames.name(path))));
    }
    assertEquals(made, seen);
  }

  @Test
  void symlinkTextsKeepTheirBytes() throws Exception {
    for (String text : List.of("a", "../a", "./a", ".", "/", "/tmp", "/no/where", "a b/c")) {
      assertArrayEquals(ascii(text), LocalNames.bytes(LocalNames.path(ascii(text))), text);
    }
    byte[] latin = hex("2e2e2fe42f62ff");
    Path link = Files.createSymbolicLink(folder.resolve("latin"), LocalNames.path(latin));
    assertArrayEquals(latin, LocalNames.bytes(Files.readSymbolicLink(link)));
  }

  @Test
  void whatIsNoLocalNameIsRefused() {
    for (byte[] name : List.of(ascii(""), ascii("."), ascii(".."), ascii("a/b"), hex("610062"))) {
      assertThrows(InvalidPathException.class, () -> LocalNames.child(folder, name));
    }
    assertEquals(0, LocalNames.bytes(Path.of("")).length);
  }

  // ---- as text ----

  private static void shown(String expected, String digits) throws CommandFailure {
    String path = "/" + NameText.of(hex(digits));
    String shown = EggsPath.shown(path);
    assertEquals(expected, shown);
    assertEquals(path, EggsPath.parse(shown));
    assertEquals(path, EggsPath.parse(EggsPath.PREFIX + shown));
  }

  @Test
  void pathsAreShownOnOneLineAndRead() throws CommandFailure {
    shown("/a b'\\n", "612062275c6e");
    shown("/ü", "c3bc");
    shown("$'/a\\xe4'", "61e4");
    shown("$'/\\xe4\\n\\r\\t\\x1b[2J'", "e40a0d091b5b324a");
    shown("$'/\\'\\\\\\x7f'", "275c7f");
    // A control character of two bytes, which some terminals obey.
    shown("$'/\\xc2\\x9b'", "c29b");
    // Bytes that together would be a character stay what they are.
    assertEquals("/ü", EggsPath.parse("$'/\\xc3\\xbc'"));
    assertEquals("/b", EggsPath.parse("$'/a/../b'"));
    // Names are shown alone too; one that looks like an escaped one is escaped.
    assertEquals("$'$\\'a'", EggsPath.shown("$'a"));
    assertEquals("a\\nb\\xe4", EggsPath.printable("a\nb" + NameText.of(hex("e4"))));
  }

  @Test
  void wrongEscapesAreRefused() {
    for (String text :
        List.of(
            "$'", "$'/a", "$'/a'b'", "$'/\\'", "$'/\\x4'", "$'/\\xg0'", "$'/\\x00'", "$'/\\q'")) {
      CommandFailure failure = assertThrows(CommandFailure.class, () -> EggsPath.parse(text), text);
      assertEquals(ExitCodes.USAGE, failure.exitCode());
    }
  }

  @Test
  void jsonHasTheBytes() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    EggsPath.put(node, "name", "ü");
    assertEquals("ü", node.path("name").asText());
    assertFalse(node.has("nameBytes"));
    EggsPath.put(node, "name", NameText.of(hex("61e4")));
    assertEquals("a\ufffd", node.path("name").asText());
    assertEquals("61e4", node.path("nameBytes").asText());
  }
}
