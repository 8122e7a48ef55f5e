package org.eggsfs.tests;

import java.util.Map;

/**
 * What one scenario came to.
 *
 * @param scenario its name
 * @param oracle what judged it
 * @param verdict the word in the report
 * @param seconds how long it took, with cleaning up and checks
 * @param counts what it did
 * @param detail why it failed or did not run, else what cleaning up and checks said
 * @param repeat the command that does it again
 */
record Outcome(
    String scenario,
    String oracle,
    Verdict verdict,
    double seconds,
    Map<String, Long> counts,
    String detail,
    String repeat) {

  /** The three words of a report. */
  enum Verdict {
    OK,
    FAILED,
    SKIPPED
  }
}
