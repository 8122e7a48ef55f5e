package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * What {@code /proc} tells of the processes that use a file. All answers are of the moment; a
 * process that is gone has no files.
 */
class Processes {
  private static final int PF_EXITING = 4;
  private static final int SIGNAL_MASK = 0x7f;
  private static final int ANCESTORS_MAX = 1000;
  private static final int PAGE = 4096;

  /** Up to this many new processes are looked at one by one; else /proc is listed. */
  private static final int PROBES_MAX = 16;

  private final Path proc;
  private final Supplier<String> device;

  Processes() {
    this(Path.of("/proc"), () -> null);
  }

  /**
   * What that directory tells.
   *
   * @param device of the file system whose inodes are meant, as in mountinfo; null if unknown
   */
  Processes(Path proc, Supplier<String> device) {
    this.proc = proc;
    this.device = device;
  }

  /** How a thread is. */
  enum Life {
    RUNNING,
    /** It is ending by itself, or its process is. */
    EXITING,
    /** It is ending because of a signal. */
    KILLED
  }

  /**
   * What a file says that is shorter than a page: the kernel gives all of it to the first read. A
   * close looks at a dozen of them.
   */
  private String read(Path file) throws IOException {
    // Files.readAllBytes would ask for the size, which is 0, and then read three times.
    try (InputStream in = Files.newInputStream(file)) {
      return page(in);
    }
  }

  private static String page(InputStream in) throws IOException {
    byte[] page = new byte[PAGE];
    int count = Math.max(0, in.read(page));
    return new String(page, 0, count, StandardCharsets.ISO_8859_1);
  }

  /** The process of a thread; the thread itself if that cannot be seen. */
  int process(int thread) {
    try {
      return process(thread, read(proc.resolve(thread + "/status")));
    } catch (IOException e) {
      return thread;
    }
  }

  private static int process(int thread, String status) {
    int at = status.indexOf("\nTgid:");
    if (at < 0) {
      return thread;
    }
    try {
      return Integer.parseInt(status.substring(at + 6, status.indexOf('\n', at + 1)).strip());
    } catch (NumberFormatException e) {
      return thread;
    }
  }

  /** The number that the newest process or thread of the system got; 0 if unknown. */
  int newest() {
    try {
      String load = read(proc.resolve("loadavg")).strip();
      return Integer.parseInt(load.substring(load.lastIndexOf(' ') + 1));
    } catch (IOException | NumberFormatException e) {
      return 0;
    }
  }

  /** Processes, and perhaps threads, that began after the first number and up to the second. */
  Set<Integer> startedBetween(int after, int upTo) throws IOException {
    Set<Integer> started = new TreeSet<>();
    if (after == upTo && after != 0) {
      return started;
    }
    // Numbers are given in order and begin again at the limit.
    if (after != 0 && upTo > after && upTo - after <= PROBES_MAX) {
      for (int number = after + 1; number <= upTo; number++) {
        if (Files.exists(proc.resolve(Integer.toString(number)))) {
          started.add(number);
        }
      }
      return started;
    }
    try (DirectoryStream<Path> all = Files.newDirectoryStream(proc)) {
      for (Path entry : all) {
        String name = entry.getFileName().toString();
        if (!Character.isDigit(name.charAt(0))) {
          continue;
        }
        int number = Integer.parseInt(name);
        boolean inside =
            after == 0
                || (upTo > after
                    ? number > after && number <= upTo
                    : number > after || number <= upTo);
        if (inside) {
          started.add(number);
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return started;
  }

  /**
   * Whether one of a process's descriptors is of that inode.
   *
   * @throws IOException if that cannot be seen
   */
  boolean holds(int process, long inode) throws IOException {
    String wanted = Long.toUnsignedString(inode);
    try (DirectoryStream<Path> descriptors =
        Files.newDirectoryStream(proc.resolve(process + "/fdinfo"))) {
      for (Path descriptor : descriptors) {
        if (isOf(process, descriptor, wanted)) {
          return true;
        }
      }
      return false;
    } catch (NoSuchFileException e) {
      return false;
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    } catch (IOException e) {
      if (!Files.exists(proc.resolve(Integer.toString(process)))) {
        return false;
      }
      throw e;
    }
  }

  private boolean isOf(int process, Path descriptor, String inode) throws IOException {
    String info = descriptorInfo(descriptor);
    return info != null
        && inode.equals(field(info, "ino"))
        && isOnOurDevice(process, field(info, "mnt_id"));
  }

  /**
   * What /proc tells of a descriptor; null if it has been closed meanwhile, which shows when it is
   * opened here or only when it is read. Another failure to open it, such as no descriptor left for
   * us to look with, says nothing about it.
   */
  private String descriptorInfo(Path descriptor) throws IOException {
    InputStream opened;
    try {
      opened = Files.newInputStream(descriptor);
    } catch (NoSuchFileException e) {
      return null;
    }
    try (InputStream in = opened) {
      return page(in);
    } catch (IOException e) {
      return null;
    }
  }

  /** Other file systems have files of the same number; what cannot be seen counts as ours. */
  private boolean isOnOurDevice(int process, String mountId) {
    String ours = device.get();
    if (ours == null) {
      return true;
    }
    try {
      // Of any length.
      Path mounts = proc.resolve(process + "/mountinfo");
      for (String line : Files.readString(mounts, StandardCharsets.ISO_8859_1).split("\n", -1)) {
        String[] fields = line.split(" ", 4);
        if (fields[0].equals(mountId)) {
          return fields[2].equals(ours);
        }
      }
      return true;
    } catch (IOException e) {
      return true;
    }
  }

  private static String field(String info, String name) throws IOException {
    int at = info.indexOf("\n" + name + ":");
    if (at < 0) {
      throw new IOException("/proc does not tell " + name + " of descriptors (Linux 5.14 does)");
    }
    int end = info.indexOf('\n', at + 1);
    return info.substring(at + name.length() + 2, end < 0 ? info.length() : end).strip();
  }

  /**
   * Whether a process can have inherited descriptors of another one: it descends from it, or is of
   * the same session, which orphans keep. True if that cannot be seen.
   */
  boolean isRelated(int process, int other) {
    try {
      if (Stat.of(read(proc.resolve(process + "/stat"))).session
          == Stat.of(read(proc.resolve(other + "/stat"))).session) {
        return true;
      }
      int at = process;
      for (int i = 0; i < ANCESTORS_MAX && at > 1; i++) {
        if (at == other) {
          return true;
        }
        at = Stat.of(read(proc.resolve(at + "/stat"))).parent;
      }
      return at > 1;
    } catch (IOException | RuntimeException e) {
      return true;
    }
  }

  /** What /proc/N/stat tells. */
  private record Stat(int parent, int session, long flags, int exitCode) {
    static Stat of(String line) {
      String stat = line.strip();
      // The name, in parentheses, may hold anything.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return new Stat(
          Integer.parseInt(fields[1]),
          Integer.parseInt(fields[3]),
          Long.parseLong(fields[6]),
          Integer.parseInt(fields[fields.length - 1]));
    }
  }

  /**
   * How a thread is; RUNNING if that cannot be seen.
   *
   * <p>Of a process in the middle of exec, which closes what is marked, {@code stat} cannot be read
   * until exec is over, and exec waits for us. A thread that still has memory is not ending, and
   * {@code status} tells that without waiting.
   */
  Life life(int thread) {
    try {
      if (hasMemory(thread)) {
        return Life.RUNNING;
      }
      Stat stat = Stat.of(read(proc.resolve(thread + "/stat")));
      if ((stat.flags & PF_EXITING) == 0) {
        return Life.RUNNING;
      }
      return (stat.exitCode & SIGNAL_MASK) != 0 ? Life.KILLED : Life.EXITING;
    } catch (IOException | RuntimeException e) {
      return Life.RUNNING;
    }
  }

  private boolean hasMemory(int thread) throws IOException {
    try {
      return read(proc.resolve(thread + "/status")).contains("\nVmSize:");
    } catch (NoSuchFileException e) {
      return false;
    }
  }
}
