package org.eggsfs.fuse.kernel;

/** Who mounts. */
public final class FuseIds {
  private FuseIds() {}

  /** The effective user. */
  public static int user() {
    return Libc.geteuid();
  }

  /** The effective group. */
  public static int group() {
    return Libc.getegid();
  }
}
