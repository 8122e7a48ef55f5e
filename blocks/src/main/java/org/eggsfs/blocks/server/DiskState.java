package org.eggsfs.blocks.server;

/** How well a disk is, best first, and what follows from it. */
enum DiskState {
  WELL("works", true, false),
  /** No space above the reserve: nothing is offered to writers, until there is. */
  FULL("is full", true, false),
  /** Much slower than the other disks of the server, several times in a row. */
  SLOW("is slow", true, true),
  /** Many I/O errors lately, though the probe works. */
  SUSPECT("has many I/O errors", true, true),
  READ_ONLY("is read-only", true, true),
  /** Its probe fails: it becomes STALE. */
  FAILED("has failed", false, true),
  /** A call does not return: it becomes STALE, and nothing more is asked of it. */
  HANGING("hangs", false, true);

  private final String description;
  private final boolean isServed;
  private final boolean isAvoided;

  DiskState(String description, boolean isServed, boolean isAvoided) {
    this.description = description;
    this.isServed = isServed;
    this.isAvoided = isAvoided;
  }

  /** What the disk does, for messages. */
  String description() {
    return description;
  }

  /** Whether the shuckle hears of it, so that it does not become stale. */
  boolean isServed() {
    return isServed;
  }

  /** Whether new blocks should go elsewhere (NO_WRITE). */
  boolean isAvoided() {
    return isAvoided;
  }
}
