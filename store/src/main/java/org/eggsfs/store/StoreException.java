package org.eggsfs.store;

/** The storage below failed: disk full, I/O error, corrupted file. */
public final class StoreException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Says what was attempted. */
  public StoreException(String message, Throwable cause) {
    super(message, cause);
  }

  /** Says what is wrong. */
  public StoreException(String message) {
    super(message);
  }
}
