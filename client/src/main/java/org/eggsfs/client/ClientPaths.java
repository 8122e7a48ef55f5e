package org.eggsfs.client;

import java.util.ArrayList;
import java.util.List;

/**
 * Absolute paths, cleaned lexically before anything is looked up (client.md section 4). Their text
 * is {@link NameText}.
 */
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
        components.add(NameText.bytes(part));
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
      path.append('/').append(NameText.of(component));
    }
    return path.toString();
  }
}
