package org.eggsfs.cdc.state;

/** What must be on disk before a request may leave (see {@link Transaction}). */
enum Due {
  /** Nothing: a read. */
  AT_ONCE,

  /** That the transaction has started: a crash then repeats the transaction from there. */
  STARTED,

  /** The step itself: without it a restart would not know that the request may have been sent. */
  THIS_STEP
}
