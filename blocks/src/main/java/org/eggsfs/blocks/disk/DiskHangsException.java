package org.eggsfs.blocks.disk;

import java.io.IOException;

/** The disk does not answer; nothing was asked of it. */
public final class DiskHangsException extends IOException {
  private static final long serialVersionUID = 1;

  /** With what is known about it. */
  public DiskHangsException(String message) {
    super(message);
  }
}
