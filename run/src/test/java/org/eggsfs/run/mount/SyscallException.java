package org.eggsfs.run.mount;

import java.io.IOException;

/** A system call that failed. */
final class SyscallException extends IOException {
  private static final long serialVersionUID = 1;

  private final Errno errno;

  SyscallException(String call, Errno errno) {
    super(call + ": " + errno);
    this.errno = errno;
  }

  Errno errno() {
    return errno;
  }
}
