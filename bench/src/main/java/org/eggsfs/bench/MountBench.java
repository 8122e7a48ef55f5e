package org.eggsfs.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.eggsfs.cli.ClusterOwner;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * What programs get out of a mount, each time in a fresh process of {@code eggsfuse}, and beside it
 * out of a tmpfs through the bare FUSE layer ({@link PassThroughFileSystem}): the rest is ours.
 */
@Command(
    name = "mount",
    description = "Mount the instance and measure streams, attributes, find and tar.")
final class MountBench extends InstanceBench {
  private static final int MIB = 1 << 20;
  private static final int FILES_PER_DIRECTORY = 1000;
  private static final int CREATORS = 64;
  private static final int ATTRIBUTE_SECONDS = 4;
  private static final int IDLE_SECONDS = 5;

  // A mount lives for long, so what is measured is one that has worked for a moment.
  private static final int WARM_UP_MIB = 256;
  private static final int WARM_UP_SECONDS = 3;
  private static final int WARM_UP_FILES = 500;
  private static final Path TMPFS = Path.of("/dev/shm");

  @Spec private CommandSpec spec;

  @Option(
      names = "--size",
      paramLabel = "MIB",
      description = "Size of the streamed file (default ${DEFAULT-VALUE}).")
  private int sizeMib = 1024;

  @Option(
      names = "--find-files",
      paramLabel = "N",
      description = "Files for find, in directories of 1000 (default ${DEFAULT-VALUE}).")
  private int findFiles = 100_000;

  @Option(
      names = "--tar-files",
      paramLabel = "N",
      description = "Files of 4 KiB for tar (default ${DEFAULT-VALUE}).")
  private int tarFiles = 10_000;

  @Option(
      names = "--tree",
      paramLabel = "DIR",
      description = "Tree to pack, unpack on the mount and compare (default this JDK).")
  private Path tree = Path.of(System.getProperty("java.home"));

  @Option(
      names = "--io-uring",
      description = "Mount with requests by io_uring, where root has turned it on.")
  private boolean ioUring;

  private Path scratch;
  private Report report;

  @Override
  void measure(EggsClient client, long directory, Report into) throws EggsException, IOException {
    report = into;
    scratch = Files.createTempDirectory("eggs-bench-mount-");
    try {
      Mount eggs = eggs(name(client, directory));
      streams("", eggs);
      attributes("", eggs);
      find(client, directory, eggs);
      tar("", eggs);
      tree(eggs);
      bare();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException) new InterruptedIOException("interrupted").initCause(e);
    } catch (CommandFailure e) {
      throw new IOException(e.getMessage(), e);
    } finally {
      deleteTree(scratch);
    }
  }

  /** The name of the benchmark's directory in the root. */
  private static String name(EggsClient client, long directory) throws EggsException, IOException {
    return client.paths().list("/").stream()
        .filter(edge -> edge.targetId() == directory)
        .map(edge -> new String(edge.name(), StandardCharsets.UTF_8))
        .findFirst()
        .orElseThrow(() -> new IOException("the benchmark's directory is gone"));
  }

  /** A way to mount and the directory to work in below the mount. */
  private record Mount(List<String> command, List<String> noCaching, boolean ioUring, Path work) {}

  private Mount eggs(String directory) throws IOException, CommandFailure {
    Path mountPoint = Files.createDirectories(scratch.resolve("eggs"));
    String shuckle = ((ClusterOwner) spec.root().userObject()).cluster().shuckle();
    return new Mount(
        List.of(launcher("eggsfuse"), client(shuckle), mountPoint.toString()),
        List.of("--name-timeout", "0s", "--attr-timeout", "0s"),
        ioUring,
        mountPoint.resolve(directory));
  }

  /** With {@code --start} the instance has an address of its own. */
  private String client(String given) {
    return startedAddress() == null ? given : startedAddress();
  }

  private static String launcher(String name) throws CommandFailure {
    String home = System.getProperty("eggsfs.home");
    if (home == null) {
      throw new CommandFailure("this works only through the launcher (./eggs bench)");
    }
    return Path.of(home, "bin", name).toString();
  }

  /** A mounted process. */
  private static final class Mounted implements AutoCloseable {
    private final Process process;
    private final Path mountPoint;

    Mounted(Mount mount, boolean caching) throws IOException {
      List<String> command = new ArrayList<>(mount.command);
      if (mount.ioUring) {
        command.add("--io-uring");
      }
      if (!caching) {
        command.addAll(mount.noCaching);
      }
      mountPoint = mount.work.getParent();
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("ready")) {
          return;
        }
      }
      throw new IOException("no mount on " + mountPoint);
    }

    Duration cpu() {
      return process.toHandle().info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /** Memory in MiB that is this process's own, and its share of what is not. */
    double residentMib() throws IOException {
      for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/smaps_rollup"))) {
        if (line.startsWith("Pss:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
        }
      }
      return 0;
    }

    @Override
    public void close() throws IOException {
      process.destroy();
      try {
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
          process.destroyForcibly().waitFor();
        }
      } catch (InterruptedException e) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
  }

  private static double seconds(long sinceNanos) {
    return (System.nanoTime() - sinceNanos) / 1e9;
  }

  private void streams(String suffix, Mount mount) throws IOException {
    long bytes = (long) sizeMib * MIB;
    Path file = mount.work.resolve("stream");
    byte[] content = new byte[MIB];
    new SplittableRandom(42).nextBytes(content);
    ByteBuffer buffer = ByteBuffer.allocateDirect(MIB);
    Path warmUp = mount.work.resolve("warm-up");
    try (Mounted _ = new Mounted(mount, true)) {
      write(warmUp, WARM_UP_MIB, content, buffer);
      long start = System.nanoTime();
      write(file, sizeMib, content, buffer);
      report.add(Figure.bytes("write, complete at close" + suffix, 1, bytes, seconds(start)));
    }
    try (Mounted mounted = new Mounted(mount, true)) {
      read(warmUp, WARM_UP_MIB, buffer);
      for (String when : List.of("first read", "second read")) {
        long start = System.nanoTime();
        read(file, sizeMib, buffer);
        report.add(Figure.bytes(when + suffix, 1, bytes, seconds(start)));
      }
      report.add(
          new Figure("memory after streams" + suffix, 1, 1, 0, mounted.residentMib(), "MiB", 0, 0));
      Duration before = mounted.cpu();
      pause(IDLE_SECONDS);
      report.add(
          new Figure(
              "CPU while idle" + suffix,
              1,
              1,
              IDLE_SECONDS,
              mounted.cpu().minus(before).toNanos() / 1e7 / IDLE_SECONDS,
              "% of a core",
              0,
              0));
    }
  }

  private static void write(Path file, int sizeMib, byte[] content, ByteBuffer buffer)
      throws IOException {
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int i = 0; i < sizeMib; i++) {
        buffer.clear().put(content).flip();
        while (buffer.hasRemaining()) {
          out.write(buffer);
        }
      }
    }
  }

  private static void read(Path file, int sizeMib, ByteBuffer buffer) throws IOException {
    long done = 0;
    try (FileChannel in = FileChannel.open(file)) {
      for (int n = in.read(buffer.clear()); n >= 0; n = in.read(buffer.clear())) {
        done += n;
      }
    }
    if (done != (long) sizeMib * MIB) {
      throw new IOException("read " + done + " of " + sizeMib + " MiB");
    }
  }

  private static void pause(int seconds) throws InterruptedIOException {
    try {
      Thread.sleep(Duration.ofSeconds(seconds));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException) new InterruptedIOException("interrupted").initCause(e);
    }
  }

  /** fstat of an open file with all caching off: one GETATTR each, which asks a shard. */
  private void attributes(String suffix, Mount mount) throws IOException, EggsException {
    try (Mounted _ = new Mounted(mount, false)) {
      Path file = mount.work.resolve("attributes");
      Files.write(file, new byte[100]);
      attributes(file, 4, WARM_UP_SECONDS);
      for (int callers : new int[] {1, 4}) {
        long start = System.nanoTime();
        long all = attributes(file, callers, ATTRIBUTE_SECONDS);
        double took = seconds(start);
        report.add(
            new Figure(
                "getattr, no caching" + suffix, callers, all, took, all / took, "ops/s", 0, 0));
      }
    }
  }

  private static long attributes(Path file, int callers, int seconds)
      throws IOException, EggsException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    LongAdder all = new LongAdder();
    Workers.times(
        "",
        callers,
        callers,
        (worker, number) -> {
          try (FileChannel open = FileChannel.open(file)) {
            while (System.nanoTime() < end) {
              if (open.size() != 100) {
                throw new IOException("the size is wrong");
              }
              all.increment();
            }
          }
        });
    return all.sum();
  }

  private void find(EggsClient client, long directory, Mount mount)
      throws EggsException, IOException, InterruptedException {
    long top = client.inodes().mkdir(directory, bytes("find"));
    int directories = Math.max(1, findFiles / FILES_PER_DIRECTORY);
    long[] below = new long[directories];
    for (int i = 0; i < directories; i++) {
      below[i] = client.inodes().mkdir(top, bytes("d" + i));
    }
    Workers.times(
        "",
        CREATORS,
        findFiles,
        (worker, number) -> {
          try (FileWriter writer =
              client.files().create(below[number % directories], bytes("file-" + number))) {
            writer.commit();
          }
        });
    Path root = mount.work.resolve("find");
    try (Mounted _ = new Mounted(mount, true)) {
      for (String when : List.of("cold", "warm")) {
        run("find, " + when, findFiles, "find", root.toString(), "-type", "f");
      }
    }
    try (Mounted mounted = new Mounted(mount, true)) {
      for (String when : List.of("cold", "warm")) {
        // Looks at the size of each.
        run("find -size, " + when, findFiles, "find", root.toString(), "-type", "f", "-size", "0");
      }
      report.add(new Figure("memory after find", 1, 1, 0, mounted.residentMib(), "MiB", 0, 0));
    }
  }

  /** Runs a program that prints a line for each of so many files. */
  private void run(String what, int files, String... command)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    long lines;
    try (BufferedReader out =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      lines = out.lines().count();
    }
    if (process.waitFor() != 0 || lines != files) {
      throw new IOException(command[0] + " found " + lines + " of " + files);
    }
    double took = seconds(start);
    report.add(new Figure(what, 1, files, took, files / took, "files/s", 0, 0));
  }

  private void tar(String suffix, Mount mount) throws IOException, InterruptedException {
    Path archive = smallFiles("small", tarFiles);
    Path warmUp = smallFiles("warm", WARM_UP_FILES);
    try (Mounted _ = new Mounted(mount, true)) {
      run("tar", "xf", warmUp.toString(), "-C", mount.work.toString());
      long start = System.nanoTime();
      run("tar", "xf", archive.toString(), "-C", mount.work.toString());
      double took = seconds(start);
      report.add(
          new Figure(
              "tar x of files of 4 KiB" + suffix,
              1,
              tarFiles,
              took,
              tarFiles / took,
              "files/s",
              0,
              0));
    }
  }

  /** An archive with a directory of that name. */
  private Path smallFiles(String name, int count) throws IOException, InterruptedException {
    Path archive = scratch.resolve(name + ".tar");
    if (!Files.exists(archive)) {
      Path directory = Files.createDirectories(scratch.resolve(name));
      byte[] content = new byte[4096];
      SplittableRandom random = new SplittableRandom(7);
      for (int i = 0; i < count; i++) {
        random.nextBytes(content);
        Files.write(directory.resolve("file-" + i), content);
      }
      run("tar", "cf", archive.toString(), "-C", scratch.toString(), name);
    }
    return archive;
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .start();
    int code = process.waitFor();
    if (code != 0) {
      throw new IOException(String.join(" ", command) + " ended with code " + code);
    }
  }

  private void tree(Mount mount) throws IOException, InterruptedException {
    Path archive = scratch.resolve("tree.tar");
    run("tar", "cf", archive.toString(), "-C", tree.toString(), ".");
    long bytes = Files.size(archive);
    try (Mounted mounted = new Mounted(mount, true)) {
      Path copy = Files.createDirectory(mount.work.resolve("tree"));
      long start = System.nanoTime();
      run("tar", "xf", archive.toString(), "-C", copy.toString());
      report.add(Figure.bytes("tar x of a tree", 1, bytes, seconds(start)));
      report.add(new Figure("memory after tar x", 1, 1, 0, mounted.residentMib(), "MiB", 0, 0));
    }
    try (Mounted _ = new Mounted(mount, true)) {
      long start = System.nanoTime();
      run("diff", "-r", tree.toString(), mount.work.resolve("tree").toString());
      report.add(Figure.bytes("diff -r with the original", 1, bytes, seconds(start)));
    }
    Files.delete(archive);
  }

  /** The same on a tmpfs through the bare FUSE layer. */
  private void bare() throws IOException, CommandFailure, EggsException, InterruptedException {
    if (!Files.isWritable(TMPFS)) {
      return;
    }
    Path source = Files.createTempDirectory(TMPFS, "eggs-bench-");
    try {
      Files.createDirectory(source.resolve("work"));
      Path mountPoint = Files.createDirectories(scratch.resolve("bare"));
      Mount bare =
          new Mount(
              List.of(
                  launcher("eggs"),
                  "bench",
                  "pass-through",
                  source.toString(),
                  mountPoint.toString()),
              List.of("--no-caching"),
              ioUring,
              mountPoint.resolve("work"));
      String suffix = " (bare FUSE layer)";
      streams(suffix, bare);
      attributes(suffix, bare);
      tar(suffix, bare);
    } finally {
      deleteTree(source);
    }
  }

  private static void deleteTree(Path root) throws IOException {
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
