package org.eggsfs.cli;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import org.eggsfs.client.NameText;

/**
 * The bytes of local names and symlink texts. A {@link Path} holds them as the kernel gave them,
 * but its string does not: a byte that the locale's encoding does not have becomes a replacement
 * character, so that two names may look the same. Its URI has them all, escaped.
 */
final class LocalNames {
  /** Below this nothing exists, so that making a URI of a path does not ask what it leads to. */
  private static final Path NOWHERE = Path.of("/dev/null");

  private LocalNames() {}

  /** The bytes of a whole path, for a symlink its text, exactly. */
  static byte[] bytes(Path path) {
    byte[] bytes;
    if (path.isAbsolute()) {
      bytes = unescaped(path.toUri().getRawPath());
    } else if (path.toString().isEmpty()) {
      return new byte[0];
    } else {
      String below = NOWHERE.resolve(path).toUri().getRawPath();
      bytes = unescaped(below.substring(NOWHERE.toString().length() + 1));
    }
    // The URI of a directory ends with a slash, whether the path does or not.
    boolean slashAdded =
        bytes.length > 1 && bytes[bytes.length - 1] == '/' && !path.toString().endsWith("/");
    return slashAdded ? Arrays.copyOf(bytes, bytes.length - 1) : bytes;
  }

  /** The bytes of a path's last component. */
  static byte[] name(Path path) {
    return bytes(path.getFileName());
  }

  /** A path as {@link NameText}. */
  static String text(Path path) {
    return NameText.of(bytes(path));
  }

  /**
   * The path of these bytes. Doubled and trailing slashes are dropped, which Java does to all
   * paths.
   *
   * @throws InvalidPathException if they contain a NUL
   */
  static Path path(byte[] bytes) {
    boolean absolute = bytes.length > 0 && bytes[0] == '/';
    URI uri = URI.create("file://" + (absolute ? "" : "/") + escaped(bytes));
    Path path;
    try {
      path = Path.of(uri);
    } catch (IllegalArgumentException e) {
      throw new InvalidPathException(EggsPath.shown(NameText.of(bytes)), e.getMessage());
    }
    return absolute || path.getNameCount() == 0 ? path : path.subpath(0, path.getNameCount());
  }

  /**
   * The path of a name in a directory.
   *
   * @throws InvalidPathException if the bytes are no name here
   */
  static Path child(Path directory, byte[] name) {
    Path path = path(name);
    if (path.isAbsolute() || path.getNameCount() != 1 || path.toString().matches("\\.\\.?")) {
      throw new InvalidPathException(EggsPath.shown(NameText.of(name)), "no name");
    }
    return directory.resolve(path);
  }

  private static byte[] unescaped(String uriPath) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(uriPath.length());
    for (int i = 0; i < uriPath.length(); i++) {
      char c = uriPath.charAt(i);
      if (c == '%') {
        bytes.write(HexFormat.fromHexDigits(uriPath, i + 1, i + 3));
        i += 2;
      } else {
        bytes.write(c);
      }
    }
    return bytes.toByteArray();
  }

  private static String escaped(byte[] bytes) {
    StringBuilder uriPath = new StringBuilder();
    for (byte b : bytes) {
      boolean plain = b == '/' || b == '.' || b > 0 && Character.isLetterOrDigit(b);
      if (plain) {
        uriPath.append((char) b);
      } else {
        uriPath.append('%').append(HexFormat.of().toHexDigits(b));
      }
    }
    return uriPath.toString();
  }
}
