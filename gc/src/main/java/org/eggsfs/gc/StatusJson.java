package org.eggsfs.gc;

import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** The status of a daemon as JSON, for whatever watches it. */
final class StatusJson {
  private StatusJson() {}

  static String of(long nowMillis, List<GcJob> jobs, Alerts alerts) {
    StringJoiner jobsJson = new StringJoiner(",\n    ", "{\n    ", "\n  }");
    for (GcJob job : jobs) {
      StringJoiner values = new StringJoiner(", ", "{", "}");
      job.counters().values().forEach((name, value) -> values.add(quote(name) + ": " + value));
      jobsJson.add(quote(job.name()) + ": " + values);
    }
    Map<String, String> active = alerts.active();
    StringJoiner alertsJson = new StringJoiner(", ", "{", "}");
    active.forEach((key, text) -> alertsJson.add(quote(key) + ": " + quote(text)));
    return "{\n  \"time_ms\": "
        + nowMillis
        + ",\n  \"jobs\": "
        + jobsJson
        + ",\n  \"alerts_active\": "
        + active.size()
        + ",\n  \"alerts\": "
        + alertsJson
        + "\n}\n";
  }

  static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < ' ' || Character.isSurrogate(c)) {
        quoted.append("\\u%04x".formatted((int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }
}
