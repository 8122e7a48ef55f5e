package org.eggsfs.shard.state;

/** State of a span (shard.md section 2.2); the constants' order is stored. */
enum SpanState {
  /** Certified, or inline. */
  CLEAN,
  /** Its blocks are given out for writing but not certified. */
  DIRTY,
  /** Its blocks are given out for erasure but not certified. */
  CONDEMNED;

  private static final SpanState[] ALL = values();

  static SpanState of(int number) {
    return ALL[number];
  }
}
