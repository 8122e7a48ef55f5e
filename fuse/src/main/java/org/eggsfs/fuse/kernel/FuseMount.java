package org.eggsfs.fuse.kernel;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A mounted file system: mounts with {@code mount(2)} as root and through {@code fusermount3}
 * otherwise, replaces what a killed server left behind, unmounts when closed.
 */
public final class FuseMount implements AutoCloseable {
  private static final long END_SECONDS_MAX = 5;
  private static final String FUSERMOUNT = "fusermount3";
  private static final Logger LOG = System.getLogger(FuseMount.class.getName());

  /**
   * How to mount.
   *
   * @param type behind {@code fuse.}, shown by mount(8)
   * @param source shown by mount(8) and df(1)
   * @param allowOther whether other users may look
   * @param kernelChecks whether the kernel checks permissions by mode, owner and group
   * @param readOnly nothing may be changed
   * @param executable whether programs may be started from it
   * @param threads reader threads
   * @param ioUring whether requests shall come by io_uring where root has enabled it
   * @param readAheadBytes how far the kernel reads ahead; needs root, less happens without
   */
  public record Options(
      String type,
      String source,
      boolean allowOther,
      boolean kernelChecks,
      boolean readOnly,
      boolean executable,
      int threads,
      boolean ioUring,
      int readAheadBytes) {}

  private final Path directory;
  private final FuseSession session;

  private FuseMount(Path directory, FuseSession session) {
    this.directory = directory;
    this.session = session;
  }

  /** Why nothing can be mounted here, or null. */
  public static String unavailable() {
    if (!Files.exists(Path.of("/dev/fuse"))) {
      return "there is no /dev/fuse (modprobe fuse)";
    }
    if (Libc.geteuid() != 0) {
      // The device may be root's alone: it is opened by the helper, which also says why not.
      return isOnPath(FUSERMOUNT)
          ? null
          : "only root can mount without " + FUSERMOUNT + " (Debian: apt-get install fuse3)";
    }
    int descriptor = Libc.open("/dev/fuse", Libc.O_RDWR | Libc.O_CLOEXEC);
    if (descriptor < 0) {
      return "/dev/fuse: " + Libc.text(descriptor);
    }
    Libc.close(descriptor);
    return null;
  }

  private static boolean isOnPath(String program) {
    String path = System.getenv("PATH");
    for (String folder : (path == null ? "/usr/bin:/bin" : path).split(":", -1)) {
      if (Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return false;
  }

  /**
   * Mounts.
   *
   * @param directory an existing directory
   */
  public static FuseMount mount(Path directory, FuseOperations operations, Options options)
      throws IOException {
    Path target = directory.toAbsolutePath().normalize();
    removeStale(target);
    if (!Files.isDirectory(target)) {
      throw new IOException(target + " is no directory");
    }
    if (findMount(target) != null) {
      throw new IOException(target + " has a file system mounted on it already");
    }
    FuseChannel channel = attach(target, options);
    boolean started = false;
    try {
      FuseSession session =
          FuseSession.start(channel, operations, options.threads, options.ioUring);
      started = true;
      MountLine line = findMount(target);
      if (line != null) {
        session.device(line.device);
        setReadAhead(line.device, options.readAheadBytes);
      }
      return new FuseMount(target, session);
    } finally {
      if (!started) {
        detach(target);
        channel.close();
      }
    }
  }

  private static FuseChannel attach(Path target, Options options) throws IOException {
    if (Libc.geteuid() != 0) {
      return attachAsUser(target, options);
    }
    FuseChannel channel = FuseChannel.open();
    StringBuilder data = new StringBuilder();
    data.append("fd=").append(channel.descriptor());
    data.append(",rootmode=40000,user_id=").append(Libc.geteuid());
    data.append(",group_id=").append(Libc.getegid());
    if (options.allowOther) {
      data.append(",allow_other");
    }
    if (options.kernelChecks) {
      data.append(",default_permissions");
    }
    long flags = Libc.MS_NOSUID | Libc.MS_NODEV;
    flags |= options.readOnly ? Libc.MS_RDONLY : 0;
    flags |= options.executable ? 0 : Libc.MS_NOEXEC;
    int result =
        Libc.mount(
            options.source, target.toString(), "fuse." + options.type, flags, data.toString());
    if (result < 0) {
      channel.close();
      throw Libc.failure("mounting on " + target, result);
    }
    return channel;
  }

  private static FuseChannel attachAsUser(Path target, Options options) throws IOException {
    List<String> words = new ArrayList<>();
    words.add("nosuid");
    words.add("nodev");
    words.add("fsname=" + options.source.replace(",", "\\,"));
    words.add("subtype=" + options.type);
    if (options.allowOther) {
      words.add("allow_other");
    }
    if (options.kernelChecks) {
      words.add("default_permissions");
    }
    if (options.readOnly) {
      words.add("ro");
    }
    if (!options.executable) {
      words.add("noexec");
    }
    return new FuseChannel(
        Libc.receiveDescriptorFrom(
            List.of(FUSERMOUNT, "-o", String.join(",", words), "--", target.toString()),
            "_FUSE_COMMFD",
            System.getenv()));
  }

  /** One line of /proc/self/mountinfo: the device and the type. */
  private record MountLine(String device, String type) {}

  /** The topmost mount on that very directory; asks no file system, a dead one would not answer. */
  private static MountLine findMount(Path target) throws IOException {
    MountLine found = null;
    for (String line :
        Files.readString(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1)
            .split("\n", -1)) {
      String[] fields = line.split(" ", -1);
      int dash = List.of(fields).indexOf("-");
      if (dash > 5 && unescape(fields[4]).equals(target.toString())) {
        found = new MountLine(fields[2], fields[dash + 1]);
      }
    }
    return found;
  }

  /** Blanks and the like stand as three octal digits; other bytes as they are, in UTF-8. */
  private static String unescape(String field) {
    byte[] bytes = field.getBytes(StandardCharsets.ISO_8859_1);
    byte[] out = new byte[bytes.length];
    int length = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\\' && i + 3 < bytes.length) {
        out[length++] = (byte) Integer.parseInt(field.substring(i + 1, i + 4), 8);
        i += 3;
      } else {
        out[length++] = bytes[i];
      }
    }
    return new String(out, 0, length, StandardCharsets.UTF_8);
  }

  /** Removes the mount of a server that is gone; every access to it fails with ENOTCONN. */
  public static void removeStale(Path target) throws IOException {
    MountLine line = findMount(target);
    if (line == null || !line.type.startsWith("fuse")) {
      return;
    }
    int descriptor = Libc.open(target.toString(), Libc.O_CLOEXEC);
    if (descriptor >= 0) {
      Libc.close(descriptor);
      return;
    }
    if (descriptor == -Errno.ENOTCONN) {
      LOG.log(Level.INFO, "replacing the mount that an earlier server left on {0}", target);
      detach(target);
    }
  }

  private static boolean detach(Path target) {
    if (Libc.geteuid() == 0) {
      return Libc.umount(target.toString(), Libc.MNT_DETACH) == 0;
    }
    try {
      Process process =
          new ProcessBuilder(FUSERMOUNT, "-u", "-z", "--", target.toString())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor() == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Without this the kernel reads ahead 128 KiB; a courtesy that only root can do. */
  private static void setReadAhead(String device, int bytes) {
    try {
      Files.writeString(
          Path.of("/sys/class/bdi/" + device + "/read_ahead_kb"), Integer.toString(bytes >> 10));
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "read-ahead stays as it is", e);
    }
  }

  /** Where it is mounted. */
  public Path directory() {
    return directory;
  }

  /** The connection. */
  public FuseSession session() {
    return session;
  }

  /**
   * Unmounts. Programs that still have files open keep them until they close them; the name space
   * is gone at once.
   */
  @Override
  public void close() {
    try {
      if (session.awaitEnd(0, TimeUnit.SECONDS)) {
        return;
      }
      boolean detached = detach(directory);
      if (detached && !session.awaitEnd(END_SECONDS_MAX, TimeUnit.SECONDS)) {
        LOG.log(Level.INFO, "files on {0} are still open", directory);
      } else if (!detached && !session.awaitEnd(0, TimeUnit.SECONDS)) {
        LOG.log(Level.WARNING, "{0} could not be unmounted", directory);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
