package org.eggsfs.gc.repair;

/** What is to happen to a block. */
public enum Verdict {
  /** It stays. */
  KEEP,
  /** It leaves its block service; its bytes may be used if they can be read and match. */
  MOVE,
  /** Its bytes are lost or wrong. */
  REBUILD
}
