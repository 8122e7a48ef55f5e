package org.eggsfs.protocol;

/** Bytes that are no message: truncated, unknown kind, invalid id (wire.md section 3.2). */
public final class MalformedMessageException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Made without a stack trace: it is thrown for whatever strangers send. */
  public MalformedMessageException(String message) {
    super(message, null, false, false);
  }
}
