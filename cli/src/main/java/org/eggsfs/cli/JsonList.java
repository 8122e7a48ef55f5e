package org.eggsfs.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintStream;

/** A JSON array that is printed element by element, since a large one does not fit into memory. */
final class JsonList {
  private final PrintStream out;
  private boolean isEmpty = true;

  JsonList(PrintStream out) {
    this.out = out;
  }

  /** Prints the next element. */
  void add(JsonNode element) {
    out.print(isEmpty ? "[ " : ", ");
    out.print(element.toPrettyString());
    isEmpty = false;
  }

  /** Ends the array. */
  void end() {
    out.println(isEmpty ? "[ ]" : " ]");
  }
}
