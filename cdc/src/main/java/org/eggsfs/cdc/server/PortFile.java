package org.eggsfs.cdc.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Ports chosen at the last start, one a line. Losing it only means other ports. */
final class PortFile {
  private static final int PORT_MAX = 65_535;

  private final Path file;
  private final List<String> lines;

  PortFile(Path file) throws IOException {
    this.file = file;
    List<String> read;
    try {
      read = Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      read = List.of();
    }
    this.lines = read;
  }

  /** The port that socket number {@code n} had, 0 if unknown. */
  int get(int n) {
    if (n >= lines.size() || !lines.get(n).matches("\\d{1,5}")) {
      return 0;
    }
    int port = Integer.parseInt(lines.get(n));
    return port <= PORT_MAX ? port : 0;
  }

  void save(List<Integer> ports) throws IOException {
    List<String> text = new ArrayList<>();
    for (int port : ports) {
      text.add(Integer.toString(port));
    }
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    Files.write(temporary, text);
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
  }
}
