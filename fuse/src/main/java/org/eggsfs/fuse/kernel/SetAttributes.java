package org.eggsfs.fuse.kernel;

/**
 * What a SETATTR asks for. Times are nanoseconds since 1970.
 *
 * @param valid which of the others count, FATTR bits of {@link Abi}
 * @param handle of the open file, with FATTR_FH
 * @param size wanted size
 * @param atimeNanos last access; the kernel fills in the time of day for "now"
 * @param mtimeNanos last change
 * @param mode permissions
 * @param uid owner
 * @param gid group
 */
public record SetAttributes(
    int valid,
    long handle,
    long size,
    long atimeNanos,
    long mtimeNanos,
    int mode,
    int uid,
    int gid) {
  /** Whether a bit is set. */
  public boolean has(int bit) {
    return (valid & bit) != 0;
  }
}
