package org.eggsfs.core;

/** This machine or this build cannot run a kernel of the erasure code; the message says why. */
final class KernelUnavailableException extends Exception {
  KernelUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
