package org.eggsfs.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Prints rows under headings in columns as wide as their widest cell. A heading that begins with
 * {@code >} makes its column right-aligned.
 */
public final class TablePrinter {
  private final String[] headings;
  private final boolean[] rightAligned;
  private final List<String[]> rows = new ArrayList<>();

  /** A table with one column per heading. */
  public TablePrinter(String... headings) {
    this.headings = new String[headings.length];
    this.rightAligned = new boolean[headings.length];
    for (int i = 0; i < headings.length; i++) {
      rightAligned[i] = headings[i].startsWith(">");
      this.headings[i] = rightAligned[i] ? headings[i].substring(1) : headings[i];
    }
  }

  /** Adds a row; it has as many cells as the table has columns. */
  public void row(Object... cells) {
    if (cells.length != headings.length) {
      throw new IllegalArgumentException("a row of " + cells.length + " cells");
    }
    rows.add(
        Arrays.stream(cells)
            .map(cell -> EggsPath.printable(String.valueOf(cell)))
            .toArray(String[]::new));
  }

  /** Prints headings and rows. */
  public void print(PrintStream out) {
    int[] widths = new int[headings.length];
    for (int i = 0; i < widths.length; i++) {
      widths[i] = headings[i].length();
      for (String[] row : rows) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    printRow(out, headings, widths);
    for (String[] row : rows) {
      printRow(out, row, widths);
    }
  }

  private void printRow(PrintStream out, String[] cells, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < cells.length; i++) {
      if (i > 0) {
        line.append("  ");
      }
      int padding = widths[i] - cells[i].length();
      if (rightAligned[i]) {
        line.repeat(' ', padding).append(cells[i]);
      } else {
        line.append(cells[i]);
        if (i < cells.length - 1) {
          line.repeat(' ', padding);
        }
      }
    }
    out.println(line);
  }
}
