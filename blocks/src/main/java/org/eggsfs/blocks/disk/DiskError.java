package org.eggsfs.blocks.disk;

import java.io.IOException;

/**
 * What an I/O failure says about the disk (blocks.md section 7.1). Java hides the error number and
 * leaves its text, in the language of the process, so the texts are taken from the C library.
 */
public enum DiskError {
  /** No space, or the quota is used up: only writing fails. */
  FULL,
  /** The file system is read-only, by choice or because the kernel gave up writing to it. */
  READ_ONLY,
  /** The device, or one place on it, cannot be read or written; also a disk that vanished. */
  DEVICE,
  /** Anything else: permissions, too many open files, a missing file. */
  OTHER;

  private static final String[] FULL_TEXTS = texts(28, 122);
  private static final String[] READ_ONLY_TEXTS = texts(30);

  /** EIO, ENXIO, ENODEV, ENODATA, ESTALE, EUCLEAN, EREMOTEIO, ESHUTDOWN. */
  private static final String[] DEVICE_TEXTS = texts(5, 6, 19, 61, 116, 117, 121, 108);

  private static String[] texts(int... errnos) {
    String[] texts = new String[errnos.length];
    for (int i = 0; i < errnos.length; i++) {
      texts[i] = Posix.describe(errnos[i]);
    }
    return texts;
  }

  /** What kind of failure it is. */
  public static DiskError of(IOException failure) {
    String message = String.valueOf(failure.getMessage());
    if (containsOne(message, FULL_TEXTS)) {
      return FULL;
    }
    if (containsOne(message, READ_ONLY_TEXTS)) {
      return READ_ONLY;
    }
    if (failure instanceof DiskHangsException || containsOne(message, DEVICE_TEXTS)) {
      return DEVICE;
    }
    return OTHER;
  }

  private static boolean containsOne(String message, String[] texts) {
    for (String text : texts) {
      if (message.contains(text)) {
        return true;
      }
    }
    return false;
  }
}
