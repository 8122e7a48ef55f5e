package org.eggsfs.fuse.fs;

import java.time.Duration;

/**
 * How the file system behaves (mount.md sections 3 and 5).
 *
 * @param uid owner of everything
 * @param gid group of everything
 * @param fileMask permission bits that files do not have
 * @param directoryMask permission bits that directories do not have
 * @param nameTimeout how long names and directories are believed
 * @param attributeTimeout how long times of files are believed
 * @param strictPermissions whether changing permissions or owner fails with EPERM; else such
 *     changes are accepted and forgotten
 * @param updateAccessTimes whether opening a file for reading may update its access time
 * @param commitOnFsync whether fsync completes a file
 * @param onExit what becomes of files of a process that ends without closing them
 * @param rawCapacity whether statfs tells raw bytes of disks instead of what files can use
 * @param keepAliveInterval how often the shards are told that files are still being written
 */
public record MountSettings(
    int uid,
    int gid,
    int fileMask,
    int directoryMask,
    Duration nameTimeout,
    Duration attributeTimeout,
    boolean strictPermissions,
    boolean updateAccessTimes,
    boolean commitOnFsync,
    OnExit onExit,
    boolean rawCapacity,
    Duration keepAliveInterval) {

  /** What becomes of files whose last user ends without closing them. */
  public enum OnExit {
    /** They are complete, unless a signal ended the process. */
    NORMAL,
    /** They are complete. */
    ALWAYS,
    /** They are thrown away. */
    NEVER
  }
}
