package org.eggsfs.net;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.TreeMap;

/** Ports chosen at the last start, one "name port" a line. Losing it only means other ports. */
public final class RememberedPorts {
  private final Path file;
  private final Map<String, Integer> ports = new TreeMap<>();

  /** Reads the file; one that is missing or damaged remembers nothing. */
  public RememberedPorts(Path file) throws IOException {
    this.file = file;
    try {
      // In a character set in which no byte is an error.
      for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
        int space = line.indexOf(' ');
        if (space > 0 && line.substring(space + 1).matches("\\d{1,5}")) {
          ports.put(line.substring(0, space), Integer.parseInt(line.substring(space + 1)));
        }
      }
    } catch (NoSuchFileException e) {
      ports.clear();
    }
  }

  /** The remembered port, 0 if there is none. */
  public int get(String name) {
    int port = ports.getOrDefault(name, 0);
    return port <= 65535 ? port : 0;
  }

  /** Remembers a port for the next {@link #save}. */
  public void put(String name, int port) {
    ports.put(name, port);
  }

  /** Replaces the file. */
  public void save() throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    Files.write(
        temporary, ports.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toList());
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
  }
}
