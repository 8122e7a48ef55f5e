package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.eggsfs.client.NameText;

/** Paths inside the file system as users write them: {@code /a/b} or {@code eggs:/a/b}. */
final class EggsPath {
  /** Marks a path of ours where a local one is possible too. */
  static final String PREFIX = "eggs:";

  private EggsPath() {}

  /** Begins a path or name in which bytes are escaped, as bash prints and reads it. */
  private static final String QUOTED = "$'";

  static boolean isMarked(String text) {
    return text.startsWith(PREFIX);
  }

  /**
   * The cleaned absolute path: no {@code .}, {@code ..} or doubled slashes (client.md section 4).
   * It may be given as {@link #shown} writes it; since a path begins with a slash, nothing else is
   * written like that. The result is {@link NameText}.
   */
  static String parse(String text) throws CommandFailure {
    String path = given(isMarked(text) ? text.substring(PREFIX.length()) : text);
    if (!path.startsWith("/")) {
      throw new CommandFailure(
          ExitCodes.USAGE, "'" + text + "' is no absolute path; write " + PREFIX + "/" + path);
    }
    List<String> parts = new ArrayList<>();
    for (String part : path.split("/", -1)) {
      switch (part) {
        case "", "." -> {}
        case ".." -> {
          if (!parts.isEmpty()) {
            parts.removeLast();
          }
        }
        default -> parts.add(part);
      }
    }
    return "/" + String.join("/", parts);
  }

  /** The cleaned paths; of wrong ones none, so that nothing is done before a mistake is told. */
  static List<String> parse(List<String> texts) throws CommandFailure {
    List<String> paths = new ArrayList<>();
    for (String text : texts) {
      paths.add(parse(text));
    }
    return paths;
  }

  /** The path of {@code name} in {@code directory}. */
  static String child(String directory, String name) {
    return directory.equals("/") ? "/" + name : directory + "/" + name;
  }

  /** The last component; empty for the root. */
  static String name(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  /** The path without its last component. */
  static String parent(String path) {
    int slash = path.lastIndexOf('/');
    return slash <= 0 ? "/" : path.substring(0, slash);
  }

  /** The names that a cleaned path consists of. */
  static List<byte[]> components(String path) {
    List<byte[]> names = new ArrayList<>();
    for (String part : path.split("/", -1)) {
      if (!part.isEmpty()) {
        names.add(bytes(part));
      }
    }
    return names;
  }

  /** A name as its directory knows it. */
  static byte[] bytes(String name) {
    return NameText.bytes(name);
  }

  /** A name as part of a path; {@link #bytes} takes it back, also what is no UTF-8. */
  static String text(byte[] name) {
    return NameText.of(name);
  }

  /**
   * A name or path for people and scripts, on one line and without anything that a terminal obeys:
   * what holds control characters or bytes that are no UTF-8 is written as {@code $'...'}.
   */
  static String shown(String text) {
    if (isPrintable(text) && !text.startsWith(QUOTED)) {
      return text;
    }
    return QUOTED + printable(text.replace("\\", "\\\\").replace("'", "\\'")) + "'";
  }

  /** A path of ours where a local one is possible too, as {@link #shown}. */
  static String marked(String path) {
    return PREFIX + shown(path);
  }

  /** A message with whatever names in it, on one line: only control characters are escaped. */
  static String printable(String text) {
    if (isPrintable(text)) {
      return text;
    }
    StringBuilder result = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\n' -> result.append("\\n");
        case '\r' -> result.append("\\r");
        case '\t' -> result.append("\\t");
        default -> {
          if (isPrintable(text, i)) {
            result.append(c);
          } else {
            for (byte b : bytes(text.substring(i, i + 1))) {
              result.append("\\x").append(HexFormat.of().toHexDigits(b));
            }
          }
        }
      }
    }
    return result.toString();
  }

  private static boolean isPrintable(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (!isPrintable(text, i)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isPrintable(String text, int index) {
    return !Character.isISOControl(text.charAt(index)) && !NameText.isByte(text, index);
  }

  /** A name or symlink text as it was typed, maybe as {@link #shown}. */
  static String given(String text) throws CommandFailure {
    return text.startsWith(QUOTED) ? unquoted(text) : text;
  }

  private static String unquoted(String text) throws CommandFailure {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int end = text.length() - 1;
    int i = QUOTED.length();
    while (i < end && text.charAt(i) != '\'') {
      int begin = i;
      if (text.charAt(i) != '\\') {
        i = text.offsetByCodePoints(i, 1);
        bytes.writeBytes(bytes(text.substring(begin, i)));
        continue;
      }
      i += 2;
      switch (text.charAt(begin + 1)) {
        case '\\' -> bytes.write('\\');
        case '\'' -> bytes.write('\'');
        case 'n' -> bytes.write('\n');
        case 'r' -> bytes.write('\r');
        case 't' -> bytes.write('\t');
        case 'x' -> {
          i += 2;
          bytes.write(i > end ? 0 : hexByte(text.substring(begin + 2, i)));
        }
        default -> bytes.write(0);
      }
    }
    String result = text(bytes.toByteArray());
    // No name has a zero byte: it stands for a wrong escape.
    if (i != end || text.charAt(end) != '\'' || result.indexOf(0) >= 0) {
      throw new CommandFailure(
          ExitCodes.USAGE,
          text + ": in $'...' there are \\\\ \\' \\n \\r \\t and \\xHH, a byte of two hex digits");
    }
    return result;
  }

  /** 0 for what is no byte. */
  private static int hexByte(String digits) {
    return digits.chars().allMatch(HexFormat::isHexDigit) ? HexFormat.fromHexDigits(digits) : 0;
  }

  /**
   * Puts a name or path into JSON, which has no bytes: what is no UTF-8 shows as replacement
   * characters, and its bytes stand beside it as hex.
   */
  static void put(ObjectNode node, String field, String text) {
    if (NameText.isUtf8(text)) {
      node.put(field, text);
      return;
    }
    byte[] bytes = bytes(text);
    node.put(field, new String(bytes, StandardCharsets.UTF_8));
    node.put(field + "Bytes", HexFormat.of().formatHex(bytes));
  }
}
