package org.eggsfs.run;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.core.Durations;
import org.eggsfs.fuse.MountOptions;
import org.eggsfs.fuse.fs.MountSettings;
import picocli.CommandLine.Option;

/** The options of a mount, as options of a command and as words of {@code -o} for mount(8). */
final class MountFlags {
  @Option(
      names = "--allow-other",
      description = "Other users may use the mount too; permissions and owner count then.")
  private boolean allowOther;

  @Option(names = "--read-only", description = "Nothing can be changed through the mount.")
  private boolean readOnly;

  @Option(names = "--no-exec", description = "Programs cannot be started from the mount.")
  private boolean noExec;

  @Option(names = "--uid", paramLabel = "N", description = "Owner of everything (you).")
  private Integer uid;

  @Option(names = "--gid", paramLabel = "N", description = "Group of everything (yours).")
  private Integer gid;

  @Option(
      names = "--set-uid",
      hidden = true,
      description = "TernFS's spelling of what is the default here.")
  @SuppressWarnings("UnusedVariable")
  private boolean setUid;

  @Option(
      names = "--umask",
      paramLabel = "OCTAL",
      description = "Permission bits nothing has (022).")
  private String mask;

  @Option(names = "--fmask", paramLabel = "OCTAL", description = "The same for files.")
  private String fileMask;

  @Option(names = "--dmask", paramLabel = "OCTAL", description = "The same for directories.")
  private String directoryMask;

  @Option(
      names = {"--name-timeout", "--dir-attr-cache-time"},
      paramLabel = "DUR",
      description = "How long names, listings and directories are believed (250ms).")
  private String nameTimeout;

  @Option(
      names = {"--attr-timeout", "--file-attr-cache-time"},
      paramLabel = "DUR",
      description = "How long times of files are believed (1s).")
  private String attributeTimeout;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that read requests of the kernel (2).")
  private Integer threads;

  @Option(
      names = "--io-uring",
      description =
          "Take requests by io_uring where root has turned it on for FUSE (Linux 6.14); else as"
              + " usual, with a warning.")
  private boolean ioUring;

  @Option(
      names = "--read-ahead",
      paramLabel = "KIB",
      description = "How far the kernel reads ahead in a file (4096; needs root).")
  private Integer readAheadKib;

  @Option(
      names = "--strict-permissions",
      description = "chmod and chown fail with EPERM; by default they are accepted and forgotten.")
  private boolean strictPermissions;

  @Option(names = "--no-atime", description = "Reading does not update access times.")
  private boolean noAtime;

  @Option(
      names = "--fsync",
      paramLabel = "wait|commit",
      description = "What fsync does to a file being written: wait for its spans, or complete it.")
  private String fsync = "wait";

  @Option(
      names = "--commit-on-exit",
      paramLabel = "normal|always|never",
      description =
          "Whether files of a process that ends without closing them become visible"
              + " (normal: unless a signal ends it).")
  private String commitOnExit = "normal";

  @Option(names = "--raw-statfs", description = "df shows raw bytes of disks, parity included.")
  private boolean rawCapacity;

  @Option(
      names = "-o",
      paramLabel = "OPTIONS",
      description = "The same as words for mount(8), e.g. ro,allow_other,uid=1000.")
  private List<String> words = new ArrayList<>();

  /** Words of fstab lines that concern others. */
  private static final List<String> IGNORED =
      List.of(
          "rw",
          "auto",
          "noauto",
          "defaults",
          "user",
          "nouser",
          "users",
          "nofail",
          "_netdev",
          "dev",
          "nodev",
          "suid",
          "nosuid",
          "exec",
          "async",
          "atime",
          "relatime",
          "dirsync",
          "big_writes",
          "default_permissions");

  private String shuckleWord;

  /** The shuckle's address from {@code -o shuckle=}, or null. */
  String shuckle() {
    return shuckleWord;
  }

  /** The options. */
  MountOptions options(String source) throws CommandFailure {
    for (String group : words) {
      for (String word : group.split(",", -1)) {
        if (!word.isEmpty()) {
          take(word);
        }
      }
    }
    try {
      MountOptions.Builder options =
          MountOptions.builder()
              .source(source)
              .allowOther(allowOther)
              .readOnly(readOnly)
              .executable(!noExec)
              .strictPermissions(strictPermissions)
              .updateAccessTimes(!noAtime)
              .commitOnFsync(fsyncCommits())
              .onExit(MountSettings.OnExit.valueOf(commitOnExit.toUpperCase(Locale.ROOT)))
              .rawCapacity(rawCapacity);
      if (uid != null) {
        options.uid(uid);
      }
      if (gid != null) {
        options.gid(gid);
      }
      if (mask != null) {
        options.mask(octal(mask));
      }
      if (fileMask != null) {
        options.fileMask(octal(fileMask));
      }
      if (directoryMask != null) {
        options.directoryMask(octal(directoryMask));
      }
      if (nameTimeout != null) {
        options.nameTimeout(duration(nameTimeout));
      }
      if (attributeTimeout != null) {
        options.attributeTimeout(duration(attributeTimeout));
      }
      if (threads != null) {
        options.threads(threads);
      }
      options.ioUring(ioUring);
      if (readAheadKib != null) {
        options.readAheadBytes(Math.multiplyExact(readAheadKib, 1024));
      }
      return options.build();
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new CommandFailure(ExitCodes.USAGE, "mount options: " + e.getMessage());
    }
  }

  private boolean fsyncCommits() {
    return switch (fsync) {
      case "wait" -> false;
      case "commit" -> true;
      default -> throw new IllegalArgumentException("fsync is wait or commit, not " + fsync);
    };
  }

  private static int octal(String text) {
    return Integer.parseInt(text, 8);
  }

  /** With a unit, or seconds as mount(8) writes them. */
  private static Duration duration(String text) {
    return Character.isDigit(text.charAt(text.length() - 1))
        ? Duration.ofNanos((long) (Double.parseDouble(text) * 1e9))
        : Duration.ofNanos(Durations.parse(text));
  }

  private void take(String word) throws CommandFailure {
    int equals = word.indexOf('=');
    String name = equals < 0 ? word : word.substring(0, equals);
    String value = equals < 0 ? "" : word.substring(equals + 1);
    try {
      switch (name) {
        case "allow_other" -> allowOther = true;
        case "ro" -> readOnly = true;
        case "noexec" -> noExec = true;
        case "uid" -> uid = Integer.valueOf(value);
        case "gid" -> gid = Integer.valueOf(value);
        case "umask" -> mask = value;
        case "fmask" -> fileMask = value;
        case "dmask" -> directoryMask = value;
        case "entry_timeout", "name_timeout" -> nameTimeout = value;
        case "attr_timeout" -> attributeTimeout = value;
        case "threads" -> threads = Integer.valueOf(value);
        case "io_uring" -> ioUring = true;
        case "read_ahead_kb" -> readAheadKib = Integer.valueOf(value);
        case "strict_permissions" -> strictPermissions = true;
        case "noatime" -> noAtime = true;
        case "fsync" -> fsync = value;
        case "commit_on_exit" -> commitOnExit = value;
        case "raw_statfs" -> rawCapacity = true;
        case "shuckle", "registry" -> shuckleWord = value;
        default -> {
          if (!IGNORED.contains(name) && !name.startsWith("x-") && !name.startsWith("comment")) {
            throw new CommandFailure(ExitCodes.USAGE, "mount options: '" + word + "' is unknown");
          }
        }
      }
    } catch (NumberFormatException e) {
      throw new CommandFailure(ExitCodes.USAGE, "mount options: '" + word + "' needs a number");
    }
  }

  /** Where a local instance mounts itself if it is not told. */
  static Path standardMountPoint(Path dataDirectory) {
    return dataDirectory.resolve("mnt");
  }
}
