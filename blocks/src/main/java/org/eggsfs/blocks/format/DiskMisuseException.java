package org.eggsfs.blocks.format;

import java.io.IOException;

/** A directory that must not be served as it is; no fault of the disk, so somebody has to look. */
public final class DiskMisuseException extends IOException {
  private static final long serialVersionUID = 1;

  /** With what to do about it. */
  public DiskMisuseException(String message) {
    super(message);
  }
}
