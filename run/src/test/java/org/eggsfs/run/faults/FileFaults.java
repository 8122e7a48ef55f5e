package org.eggsfs.run.faults;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * The switches of {@code src/test/native/faults.c}, which is preloaded into this process and makes
 * files below one directory fail, those of RocksDB included.
 */
final class FileFaults {
  /** What happens at the n-th call; the numbers are those of the C file. */
  enum Kind {
    NONE(0),
    EIO_ONCE(1),
    EIO_FOR_GOOD(2),
    FULL_ONCE(3),
    FULL_FOR_GOOD(4),
    SHORT_WRITE(5),
    DEATH(6);

    private final int number;

    Kind(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }
  }

  private static final int WHERE_BYTES = 8192;
  private static final long COMPILER_SECONDS = 120;

  private final MethodHandle arm;
  private final MethodHandle met;
  private final MethodHandle where;
  private final MethodHandle forget;
  private final MethodHandle powerFailure;

  /** The switches of the library that was preloaded from that file. */
  FileFaults(Path library) {
    SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
    Linker linker = Linker.nativeLinker();
    arm =
        linker.downcallHandle(
            symbols.findOrThrow("faults_arm"),
            FunctionDescriptor.ofVoid(
                ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
    met =
        linker.downcallHandle(
            symbols.findOrThrow("faults_met"), FunctionDescriptor.of(ValueLayout.JAVA_LONG));
    where =
        linker.downcallHandle(
            symbols.findOrThrow("faults_where"), FunctionDescriptor.of(ValueLayout.ADDRESS));
    forget =
        linker.downcallHandle(symbols.findOrThrow("faults_forget"), FunctionDescriptor.ofVoid());
    powerFailure =
        linker.downcallHandle(
            symbols.findOrThrow("faults_power_failure"),
            FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));
  }

  /** Compiles the library; false where there is no C compiler. */
  static boolean compile(Path source, Path library) throws IOException, InterruptedException {
    Process compiler;
    try {
      compiler =
          new ProcessBuilder(
                  "gcc",
                  "-O1",
                  "-shared",
                  "-fPIC",
                  "-o",
                  library.toString(),
                  source.toString(),
                  "-ldl",
                  "-lpthread")
              .redirectErrorStream(true)
              .redirectOutput(library.resolveSibling("compiler.log").toFile())
              .start();
    } catch (IOException e) {
      return false;
    }
    if (!compiler.waitFor(COMPILER_SECONDS, TimeUnit.SECONDS) || compiler.exitValue() != 0) {
      throw new IOException(Files.readString(library.resolveSibling("compiler.log")));
    }
    return true;
  }

  /** From now on, call {@code number} from 1 below the directory fails. */
  void arm(Path directory, Kind kind, long number) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(directory.toString());
      arm.invokeExact(name, kind.number(), number);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Whether there was a call with that number. */
  boolean wasMet() {
    try {
      return (long) met.invokeExact() != 0;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** The call that failed first. */
  String where() {
    try {
      return ((MemorySegment) where.invokeExact()).reinterpret(WHERE_BYTES).getString(0);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** What was done so far is durable. */
  void forget() {
    try {
      forget.invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Takes away what a power failure would; all files are closed. */
  void failPower(long seed) {
    try {
      powerFailure.invokeExact(seed);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
