package org.eggsfs.bench.jmh;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.NameHash;
import org.eggsfs.core.Parity;
import org.eggsfs.core.ReedSolomon;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.shard.LookupRequest;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What every request and every byte pays for: checksums, MACs, name hash, codecs, erasure code. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CodecBenchmark {
  private static final int PAGE = 4096;
  private static final int CELL = 64 << 10;
  private static final long SEED = 42;

  private final byte[] page = new byte[PAGE];
  private final byte[] name =
      "a-file-name-of-usual-length.bin".getBytes(java.nio.charset.StandardCharsets.UTF_8);
  private final CbcMac mac = new CbcMac(new byte[16]);
  private final byte[] certificate = new byte[32];
  private final LookupRequest lookup = new LookupRequest(0x2000_0000_0000_0000L, name);
  private final ByteBuffer frame = Frames.buffer(512);
  private Arena arena;
  private MemorySegment[] data;
  private MemorySegment[] parity;
  private ReedSolomon code;

  /** Fills the inputs. */
  @Setup
  public void setUp() {
    new SplittableRandom(SEED).nextBytes(page);
    arena = Arena.ofConfined();
    data = new MemorySegment[10];
    parity = new MemorySegment[4];
    for (int i = 0; i < data.length; i++) {
      data[i] = arena.allocate(CELL, 64).fill((byte) (i + 1));
    }
    for (int i = 0; i < parity.length; i++) {
      parity[i] = arena.allocate(CELL, 64);
    }
    code = ReedSolomon.get(Parity.of(data.length, parity.length));
  }

  /** Frees the cells. */
  @TearDown
  public void tearDown() {
    arena.close();
  }

  /** Checksum of a page. */
  @Benchmark
  public int crcOfPage() {
    return Crc32c.sum(0, page, 0, page.length);
  }

  /** Combination of two checksums. */
  @Benchmark
  public int crcAppend() {
    return Crc32c.append(0x1234_5678, 0x0bad_cafe, CELL);
  }

  /** Hash of a name. */
  @Benchmark
  public long nameHash() {
    return NameHash.hash(name);
  }

  /** A certificate's MAC. */
  @Benchmark
  public long certificateMac() {
    return mac.mac(certificate, 0, certificate.length);
  }

  /** A look-up's body to bytes. */
  @Benchmark
  public ByteBuffer encodeLookup() {
    lookup.encode(frame.clear());
    return frame;
  }

  /** A look-up's body from bytes. */
  @Benchmark
  public LookupRequest decodeLookup() {
    lookup.encode(frame.clear());
    return LookupRequest.decode(frame.flip());
  }

  /** Parity of a stripe of 640 KiB. */
  @Benchmark
  public MemorySegment[] encodeStripe() {
    code.encode(data, parity, CELL);
    return parity;
  }
}
