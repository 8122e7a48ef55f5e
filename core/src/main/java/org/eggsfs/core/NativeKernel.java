package org.eggsfs.core;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;

/**
 * The inner loop in C with the processor's own Galois field instructions ({@code
 * src/main/c/eggs_rs.c}). The library lies in the jar, or in the directory named by {@code
 * -Deggsfs.native.dir}; it holds one variant per instruction set and says which the processor runs.
 *
 * <p>Calls are <em>critical</em>: they take heap memory as it lies and make no thread transition,
 * which in turn keeps the garbage collector waiting. So they are cut into pieces that last some
 * microseconds.
 */
final class NativeKernel implements RsKernel {
  /** The name of this kernel. */
  static final String NAME = "native";

  /** A directory that holds the library outside the jar. */
  static final String DIRECTORY_PROPERTY = "eggsfs.native.dir";

  /** Variants of the library, numbered as in the C source. */
  enum Level {
    AVX2(1),
    GFNI_AVX2(2),
    GFNI_AVX512(3);

    private final int code;

    Level(int code) {
      this.code = code;
    }

    /** The level of that number; null for 0, which is none. */
    private static Level ofCode(int code) {
      for (Level level : values()) {
        if (level.code == code) {
          return level;
        }
      }
      return null;
    }
  }

  private static final String LIBRARY = "libeggs_rs.so";

  /** Where the build puts the library; this is the only platform it is written for. */
  private static final String RESOURCE = "/native/linux-x86_64/" + LIBRARY;

  private static final int BLOCKS_MAX = Parity.DATA_MAX + Parity.PARITY_MAX;

  /**
   * Bytes of each block per call. At 30 blocks and the slowest variant about 100 µs, for which a
   * garbage collection may have to wait; a call costs about 0.2 µs.
   */
  private static final long CALL_LENGTH_MAX = 64 << 10;

  private final MethodHandle apply;
  private final Level level;

  private NativeKernel(MethodHandle apply, Level level) {
    this.apply = apply;
    this.level = level;
  }

  /**
   * Loads the library.
   *
   * @throws KernelUnavailableException if this platform or processor has none, or it does not load
   */
  static NativeKernel load() throws KernelUnavailableException {
    if (!System.getProperty("os.name").equals("Linux")
        || !System.getProperty("os.arch").equals("amd64")) {
      throw new KernelUnavailableException("it is written for Linux on x86-64 only", null);
    }
    try {
      SymbolLookup library = lookup();
      MethodHandle question =
          Linker.nativeLinker()
              .downcallHandle(
                  library.find("eggs_rs_level").orElseThrow(),
                  FunctionDescriptor.of(ValueLayout.JAVA_INT));
      Level level = Level.ofCode((int) question.invokeExact());
      if (level == null) {
        throw new KernelUnavailableException("the processor has no AVX2", null);
      }
      return new NativeKernel(bindApply(library), level);
    } catch (KernelUnavailableException e) {
      throw e;
    } catch (Throwable e) {
      // Whatever is wrong with the file or with foreign functions here, there are other kernels.
      throw new KernelUnavailableException("the library does not load: " + e, e);
    }
  }

  private static SymbolLookup lookup() throws IOException, KernelUnavailableException {
    String directory = System.getProperty(DIRECTORY_PROPERTY);
    if (directory != null) {
      return SymbolLookup.libraryLookup(Path.of(directory, LIBRARY), Arena.global());
    }
    try (InputStream packed = NativeKernel.class.getResourceAsStream(RESOURCE)) {
      if (packed == null) {
        throw new KernelUnavailableException("this build has none", null);
      }
      Path file = Files.createTempFile("eggsfs-", "-" + LIBRARY);
      try {
        Files.copy(packed, file, StandardCopyOption.REPLACE_EXISTING);
        return SymbolLookup.libraryLookup(file, Arena.global());
      } finally {
        // The mapping outlives the name.
        Files.deleteIfExists(file);
      }
    }
  }

  private static MethodHandle bindApply(SymbolLookup library) {
    MemoryLayout[] parameters = new MemoryLayout[5 + BLOCKS_MAX];
    Arrays.fill(parameters, ValueLayout.ADDRESS);
    parameters[0] = ValueLayout.JAVA_INT;
    parameters[2] = ValueLayout.JAVA_INT;
    parameters[3] = ValueLayout.JAVA_INT;
    parameters[4] = ValueLayout.JAVA_LONG;
    return Linker.nativeLinker()
        .downcallHandle(
            library.find("eggs_rs_apply").orElseThrow(),
            FunctionDescriptor.of(ValueLayout.JAVA_INT, parameters),
            Linker.Option.critical(true));
  }

  /** The same library restricted to a variant that the processor has; for tests and figures. */
  NativeKernel at(Level other) {
    if (other.compareTo(level) > 0) {
      throw new IllegalArgumentException("the processor has " + level + ", not " + other);
    }
    return new NativeKernel(apply, other);
  }

  Level level() {
    return level;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void apply(byte[] coefficients, MemorySegment[] in, MemorySegment[] out, long length) {
    if (in.length < 1
        || in.length > Parity.DATA_MAX
        || out.length < 1
        || out.length > Parity.PARITY_MAX
        || coefficients.length < in.length * out.length) {
      throw new IllegalArgumentException(in.length + " inputs, " + out.length + " outputs");
    }
    MemorySegment factors = MemorySegment.ofArray(coefficients);
    MemorySegment[] b = new MemorySegment[BLOCKS_MAX];
    Arrays.fill(b, in.length + out.length, BLOCKS_MAX, MemorySegment.NULL);
    for (long from = 0; from < length; from += CALL_LENGTH_MAX) {
      long piece = Math.min(CALL_LENGTH_MAX, length - from);
      // Slicing checks the bounds, which C does not.
      for (int k = 0; k < in.length; k++) {
        b[k] = in[k].asSlice(from, piece);
      }
      for (int r = 0; r < out.length; r++) {
        b[in.length + r] = writable(out[r].asSlice(from, piece));
      }
      call(factors, in.length, out.length, piece, b);
    }
  }

  private static MemorySegment writable(MemorySegment segment) {
    if (segment.isReadOnly()) {
      throw new IllegalArgumentException("an output is read-only");
    }
    return segment;
  }

  private void call(
      MemorySegment factors, int inputs, int outputs, long length, MemorySegment[] b) {
    int result;
    try {
      result =
          (int)
              apply.invokeExact(
                  level.code,
                  factors,
                  inputs,
                  outputs,
                  length,
                  b[0],
                  b[1],
                  b[2],
                  b[3],
                  b[4],
                  b[5],
                  b[6],
                  b[7],
                  b[8],
                  b[9],
                  b[10],
                  b[11],
                  b[12],
                  b[13],
                  b[14],
                  b[15],
                  b[16],
                  b[17],
                  b[18],
                  b[19],
                  b[20],
                  b[21],
                  b[22],
                  b[23],
                  b[24],
                  b[25],
                  b[26],
                  b[27],
                  b[28],
                  b[29]);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("a foreign call throws nothing checked", e);
    }
    if (result != 0) {
      throw new IllegalStateException("eggs_rs_apply refused level " + level);
    }
  }
}
