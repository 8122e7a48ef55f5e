package org.eggsfs.run.mount;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** The versioned list of operations that a mount deliberately refuses: {@code unsupported.tsv}. */
final class Unsupported {
  /** One refusal. */
  record Refusal(String operation, Errno errno, String since, String reason) {}

  private static final Map<String, Refusal> ALL = read();

  private Unsupported() {}

  static Map<String, Refusal> all() {
    return ALL;
  }

  static Errno errnoOf(String operation) {
    Refusal refusal = ALL.get(operation);
    if (refusal == null) {
      throw new AssertionError(operation + " is not in unsupported.tsv");
    }
    return refusal.errno();
  }

  private static Map<String, Refusal> read() {
    Map<String, Refusal> all = new LinkedHashMap<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Unsupported.class.getResourceAsStream("unsupported.tsv"),
                StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.startsWith("#")) {
          String[] fields = line.split("\t", -1);
          all.put(
              fields[0], new Refusal(fields[0], Errno.valueOf(fields[1]), fields[2], fields[3]));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return all;
  }
}
