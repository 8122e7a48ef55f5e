package org.eggsfs.shard.state;

/** State of a span (shard.md section 2.2). */
enum SpanState {
  /** Certified, or inline. */
  CLEAN(0),
  /** Its blocks are given out for writing but not certified. */
  DIRTY(1),
  /** Its blocks are given out for erasure but not certified. */
  CONDEMNED(2);

  private final int number;

  SpanState(int number) {
    this.number = number;
  }

  /** As stored. */
  int number() {
    return number;
  }

  /** The state stored as that number. */
  static SpanState of(int number) {
    return switch (number) {
      case 0 -> CLEAN;
      case 1 -> DIRTY;
      case 2 -> CONDEMNED;
      default -> throw new IllegalStateException("a stored span state is " + number);
    };
  }
}
