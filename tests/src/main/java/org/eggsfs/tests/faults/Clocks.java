package org.eggsfs.tests.faults;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A wall clock of its own for each process, off by what we say, and stepped while the process runs.
 * A small library in C is preloaded into the processes, so a compiler is needed.
 */
public final class Clocks {
  private static final String COMPILER = "cc";
  private static final String SOURCE = "clock.c";

  private final Path folder;
  private final Path library;

  /** Why clocks cannot be changed here, or null. */
  public static String unavailable() {
    boolean found =
        Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
            .anyMatch(place -> Files.isExecutable(Path.of(place, COMPILER)));
    return found ? null : "no C compiler (" + COMPILER + ") for the clocks of processes";
  }

  /** Makes the library in a folder. */
  public Clocks(Path folder) throws IOException, InterruptedException {
    this.folder = Files.createDirectories(folder).toRealPath();
    this.library = this.folder.resolve("clock.so");
    Path source = this.folder.resolve(SOURCE);
    try (InputStream in = Clocks.class.getResourceAsStream(SOURCE)) {
      if (in == null) {
        throw new IOException("the program lacks " + SOURCE);
      }
      Files.write(source, in.readAllBytes());
    }
    Path log = this.folder.resolve("compiler.log");
    int code =
        new ProcessBuilder(
                COMPILER, "-shared", "-fPIC", "-O1", "-o", library.toString(), source.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start()
            .waitFor();
    if (code != 0) {
      throw new IOException("the clocks of processes cannot be compiled; see " + log);
    }
  }

  /** What a process needs in its environment; its clock is right until {@link #set}. */
  public Map<String, String> environment(String name) throws IOException {
    set(name, 0);
    return Map.of(
        "LD_PRELOAD", library.toString(), "EGGS_TEST_CLOCK", folder.resolve(name).toString());
  }

  /** Steps the clock of a process to so many nanoseconds ahead of the machine's, or behind. */
  public void set(String name, long offsetNanos) throws IOException {
    try (FileChannel file =
        FileChannel.open(
            folder.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder());
      file.write(bytes.putLong(0, offsetNanos), 0);
    }
  }
}
