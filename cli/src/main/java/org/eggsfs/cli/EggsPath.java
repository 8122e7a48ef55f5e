package org.eggsfs.cli;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Paths inside the file system as users write them: {@code /a/b} or {@code eggs:/a/b}. */
final class EggsPath {
  /** Marks a path of ours where a local one is possible too. */
  static final String PREFIX = "eggs:";

  private EggsPath() {}

  static boolean isMarked(String text) {
    return text.startsWith(PREFIX);
  }

  /**
   * The cleaned absolute path: no {@code .}, {@code ..} or doubled slashes (client.md section 4).
   */
  static String parse(String text) throws CommandFailure {
    String path = isMarked(text) ? text.substring(PREFIX.length()) : text;
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
    return name.getBytes(StandardCharsets.UTF_8);
  }

  /** A name for people; bytes that are no UTF-8 show as replacement characters. */
  static String text(byte[] name) {
    return new String(name, StandardCharsets.UTF_8);
  }
}
