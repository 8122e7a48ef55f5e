package org.eggsfs.protocol;

import java.util.Objects;

/** An error answer of the protocol. */
public final class EggsException extends Exception {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;

  /** For servers: cheap, without a stack trace. */
  public EggsException(ErrorCode code) {
    super(code.name(), null, false, false);
    this.code = code;
  }

  /** For clients: says what was attempted. */
  public EggsException(ErrorCode code, String context) {
    super(context + ": " + code.name());
    this.code = Objects.requireNonNull(code);
  }

  /** For clients: says what was attempted, and keeps what is known beyond the code. */
  public EggsException(ErrorCode code, String context, Throwable cause) {
    super(context + ": " + code.name(), cause);
    this.code = code;
  }

  /** The error code. */
  public ErrorCode code() {
    return code;
  }
}
