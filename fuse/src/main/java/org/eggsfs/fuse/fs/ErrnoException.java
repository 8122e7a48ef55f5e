package org.eggsfs.fuse.fs;

import java.io.IOException;

/** An operation ends with this error number. */
final class ErrnoException extends IOException {
  private static final long serialVersionUID = 1;

  private final int errno;

  ErrnoException(int errno, String message) {
    super(message);
    this.errno = errno;
  }

  int errno() {
    return errno;
  }
}
