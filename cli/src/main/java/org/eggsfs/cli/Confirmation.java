package org.eggsfs.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.util.Locale;

/** Asks a person before something that is hard to undo. */
final class Confirmation {
  private Confirmation() {}

  /**
   * Shows what will be done and waits for {@code y}. Without a terminal nobody can answer: then
   * {@code --yes} is required.
   */
  static void ask(boolean yes, String what) throws CommandFailure {
    if (yes) {
      return;
    }
    if (!Terminal.isInput()) {
      throw new CommandFailure(
          ExitCodes.USAGE, "standard input is no terminal to confirm at; add --yes");
    }
    System.err.println(what);
    try {
      BufferedReader in =
          new BufferedReader(new InputStreamReader(System.in, Charset.defaultCharset()));
      while (true) {
        System.err.print("Proceed? y/n ");
        System.err.flush();
        String answer = in.readLine();
        if (answer == null || answer.strip().toLowerCase(Locale.ROOT).equals("n")) {
          throw new CommandFailure("not done");
        }
        if (answer.strip().toLowerCase(Locale.ROOT).equals("y")) {
          return;
        }
      }
    } catch (IOException e) {
      throw new CommandFailure(ExitCodes.FAILED, "cannot read the answer: " + e.getMessage(), e);
    }
  }
}
