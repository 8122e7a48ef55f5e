package org.eggsfs.client;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Absolute paths, cleaned lexically before anything is looked up (client.md section 4). */
final class ClientPaths {
  private ClientPaths() {}

  /**
   * The components. {@code .}, empty ones and {@code ..} with the component before it are removed.
   *
   * @throws IllegalArgumentException if the path is not absolute
   */
  static List<byte[]> components(String path) {
    if (!path.startsWith("/")) {
      throw new IllegalArgumentException("not an absolute path: " + path);
    }
    List<byte[]> components = new ArrayList<>();
    for (String part : path.split("/", -1)) {
      if (part.equals("..")) {
        if (!components.isEmpty()) {
          components.removeLast();
        }
      } else if (!part.isEmpty() && !part.equals(".")) {
        components.add(part.getBytes(StandardCharsets.UTF_8));
      }
    }
    return components;
  }

  /** A path of the first {@code count} components. */
  static String join(List<byte[]> components, int count) {
    if (count == 0) {
      return "/";
    }
    StringBuilder path = new StringBuilder();
    for (byte[] component : components.subList(0, count)) {
      path.append('/').append(text(component));
    }
    return path.toString();
  }

  /** A name as text: UTF-8, or with each other byte as a Latin-1 character. */
  static String text(byte[] name) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(name)).toString();
    } catch (CharacterCodingException e) {
      return new String(name, StandardCharsets.ISO_8859_1);
    }
  }
}
