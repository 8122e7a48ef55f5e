package org.eggsfs.fuse;

import java.time.Duration;
import org.eggsfs.fuse.fs.MountSettings;
import org.eggsfs.fuse.kernel.FuseIds;

/** How to mount; immutable, made with {@link #builder}, which checks every value. */
public final class MountOptions {
  private static final int THREADS_MAX = 64;
  private static final int READ_AHEAD_MAX = 64 << 20;

  private final Builder values;

  private MountOptions(Builder values) {
    this.values = values;
    require(values.threads >= 1 && values.threads <= THREADS_MAX, "1 to 64 threads");
    require(
        values.readAheadBytes >= 0 && values.readAheadBytes <= READ_AHEAD_MAX,
        "read-ahead of 0 to 64 MiB");
    require(!values.nameTimeout.isNegative(), "the name timeout is negative");
    require(!values.attributeTimeout.isNegative(), "the attribute timeout is negative");
    require(isMask(values.fileMask) && isMask(values.directoryMask), "a umask is 0 to 0777");
    require(
        values.keepAliveInterval.compareTo(Duration.ofMillis(10)) >= 0,
        "keep alive every 10 ms at most");
  }

  private static boolean isMask(int mask) {
    return mask >= 0 && mask <= 0777;
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /** A builder with all defaults. */
  public static Builder builder() {
    return new Builder();
  }

  String source() {
    return values.source;
  }

  boolean allowOther() {
    return values.allowOther;
  }

  boolean readOnly() {
    return values.readOnly;
  }

  boolean executable() {
    return values.executable;
  }

  int threads() {
    return values.threads;
  }

  boolean ioUring() {
    return values.ioUring;
  }

  int readAheadBytes() {
    return values.readAheadBytes;
  }

  MountSettings settings() {
    return new MountSettings(
        values.uid,
        values.gid,
        values.fileMask,
        values.directoryMask,
        values.nameTimeout,
        values.attributeTimeout,
        values.strictPermissions,
        values.updateAccessTimes,
        values.commitOnFsync,
        values.onExit,
        values.rawCapacity,
        values.keepAliveInterval);
  }

  /** Collects the values. */
  public static final class Builder {
    private String source = "eggsfs";
    private boolean allowOther;
    private boolean readOnly;
    private boolean executable = true;
    private int threads = 2;
    private boolean ioUring;
    private int readAheadBytes = 4 << 20;
    private int uid = FuseIds.user();
    private int gid = FuseIds.group();
    private int fileMask = 022;
    private int directoryMask = 022;
    private Duration nameTimeout = Duration.ofMillis(250);
    private Duration attributeTimeout = Duration.ofSeconds(1);
    private boolean strictPermissions;
    private boolean updateAccessTimes = true;
    private boolean commitOnFsync;
    private MountSettings.OnExit onExit = MountSettings.OnExit.NORMAL;
    private boolean rawCapacity;
    private Duration keepAliveInterval = Duration.ofMinutes(10);

    private Builder() {}

    /** What mount(8) and df(1) show as the source. */
    public Builder source(String name) {
      source = name;
      return this;
    }

    /** Whether other users than the mounting one may use it; permissions count then. */
    public Builder allowOther(boolean allow) {
      allowOther = allow;
      return this;
    }

    /** Whether nothing may be changed. */
    public Builder readOnly(boolean only) {
      readOnly = only;
      return this;
    }

    /** Whether programs may be started from it. */
    public Builder executable(boolean allow) {
      executable = allow;
      return this;
    }

    /** Threads that read requests. */
    public Builder threads(int count) {
      threads = count;
      return this;
    }

    /** Whether requests shall come by io_uring where the kernel offers it. */
    public Builder ioUring(boolean wanted) {
      ioUring = wanted;
      return this;
    }

    /** How far the kernel reads ahead in a file. */
    public Builder readAheadBytes(int bytes) {
      readAheadBytes = bytes;
      return this;
    }

    /** Owner of everything; the mounting user by default. */
    public Builder uid(int id) {
      uid = id;
      return this;
    }

    /** Group of everything; the mounting user's by default. */
    public Builder gid(int id) {
      gid = id;
      return this;
    }

    /** Permission bits that neither files nor directories have. */
    public Builder mask(int mask) {
      fileMask = mask;
      directoryMask = mask;
      return this;
    }

    /** Permission bits that files do not have. */
    public Builder fileMask(int mask) {
      fileMask = mask;
      return this;
    }

    /** Permission bits that directories do not have. */
    public Builder directoryMask(int mask) {
      directoryMask = mask;
      return this;
    }

    /** How long names, listings and directories are believed. */
    public Builder nameTimeout(Duration timeout) {
      nameTimeout = timeout;
      return this;
    }

    /** How long times of files are believed. */
    public Builder attributeTimeout(Duration timeout) {
      attributeTimeout = timeout;
      return this;
    }

    /** Whether chmod and chown to other values fail with EPERM; else they are forgotten. */
    public Builder strictPermissions(boolean strict) {
      strictPermissions = strict;
      return this;
    }

    /** Whether opening a file for reading may update its access time. */
    public Builder updateAccessTimes(boolean update) {
      updateAccessTimes = update;
      return this;
    }

    /** Whether fsync completes a file. */
    public Builder commitOnFsync(boolean commit) {
      commitOnFsync = commit;
      return this;
    }

    /** What becomes of files of a process that ends without closing them. */
    public Builder onExit(MountSettings.OnExit what) {
      onExit = what;
      return this;
    }

    /** Whether statfs tells raw bytes of disks. */
    public Builder rawCapacity(boolean raw) {
      rawCapacity = raw;
      return this;
    }

    /** How often shards are told that files are still being written. */
    public Builder keepAliveInterval(Duration interval) {
      keepAliveInterval = interval;
      return this;
    }

    /**
     * The options.
     *
     * @throws IllegalArgumentException if a value is out of range
     */
    public MountOptions build() {
      Builder copy = new Builder();
      copy.source = source;
      copy.allowOther = allowOther;
      copy.readOnly = readOnly;
      copy.executable = executable;
      copy.threads = threads;
      copy.ioUring = ioUring;
      copy.readAheadBytes = readAheadBytes;
      copy.uid = uid;
      copy.gid = gid;
      copy.fileMask = fileMask;
      copy.directoryMask = directoryMask;
      copy.nameTimeout = nameTimeout;
      copy.attributeTimeout = attributeTimeout;
      copy.strictPermissions = strictPermissions;
      copy.updateAccessTimes = updateAccessTimes;
      copy.commitOnFsync = commitOnFsync;
      copy.onExit = onExit;
      copy.rawCapacity = rawCapacity;
      copy.keepAliveInterval = keepAliveInterval;
      return new MountOptions(copy);
    }
  }
}
