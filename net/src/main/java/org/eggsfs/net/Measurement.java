package org.eggsfs.net;

import java.util.StringJoiner;

/**
 * One measurement of a process for InfluxDB: a name, tags, and fields with whole numbers (gc.md
 * section 10). Made and written by one thread.
 */
public final class Measurement {
  private final StringBuilder head = new StringBuilder();
  private final StringJoiner fields = new StringJoiner(",");

  /** A measurement without tags and fields. */
  public Measurement(String name) {
    append(name);
  }

  /**
   * With one more tag. A tag without a value is left out, since the protocol has none.
   *
   * @return this
   */
  public Measurement tag(String key, String value) {
    if (!value.isEmpty()) {
      head.append(',');
      append(key);
      head.append('=');
      append(value);
    }
    return this;
  }

  /**
   * With one more field, whose name needs no escapes.
   *
   * @return this
   */
  public Measurement field(String name, long value) {
    fields.add(name + "=" + value + "i");
    return this;
  }

  /** Whether there is something to be sent: a line needs a field. */
  public boolean hasFields() {
    return fields.length() > 0;
  }

  /** The line without its end, at a time in nanoseconds since 1970. */
  String line(long timeNanos) {
    return this + " " + timeNanos;
  }

  /** The line without its time. */
  @Override
  public String toString() {
    return head + " " + fields;
  }

  /** A line has no escape for its own end, so a line break becomes a space. */
  private void append(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case ',', ' ', '=' -> head.append('\\').append(c);
        case '\n', '\r' -> head.append("\\ ");
        default -> head.append(c);
      }
    }
  }
}
