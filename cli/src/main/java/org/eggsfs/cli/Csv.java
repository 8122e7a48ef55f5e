package org.eggsfs.cli;

import java.util.ArrayList;
import java.util.List;

/** Rows of comma-separated values (RFC 4180). */
final class Csv {
  private Csv() {}

  /** A cell in quotes, those inside it doubled. */
  static String quote(String cell) {
    return '"' + cell.replace("\"", "\"\"") + '"';
  }

  /** A row; a cell is quoted where it must be. */
  static String row(List<String> cells) {
    List<String> written = new ArrayList<>();
    for (String cell : cells) {
      written.add(cell.matches("[^\",\\r\\n]*") ? cell : quote(cell));
    }
    return String.join(",", written);
  }

  /** The cells of one line; a quoted cell ends on its line. */
  static List<String> parse(String line) throws CommandFailure {
    List<String> cells = new ArrayList<>();
    StringBuilder cell = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (quoted) {
        if (c != '"') {
          cell.append(c);
        } else if (i + 1 < line.length() && line.charAt(i + 1) == '"') {
          cell.append('"');
          i++;
        } else {
          quoted = false;
        }
      } else if (c == '"' && cell.isEmpty()) {
        quoted = true;
      } else if (c == ',') {
        cells.add(cell.toString());
        cell.setLength(0);
      } else {
        cell.append(c);
      }
    }
    if (quoted) {
      throw new CommandFailure(ExitCodes.FAILED, "a quote is not closed in: " + line);
    }
    cells.add(cell.toString());
    return cells;
  }
}
