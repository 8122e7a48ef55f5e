package org.eggsfs.run.fuzz;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.Message;
import org.eggsfs.run.fuzz.MessageSeeds.Seed;
import org.junit.jupiter.api.Test;

/**
 * Goal: whatever the bytes, each decoder of requests and responses gives a message or says that
 * they are malformed, with memory in proportion to them. Method: damaged golden vectors. {@code
 * -Deggs.fuzz=SECONDS} goes on for so long.
 */
class DecoderFuzzTest {
  private static final int ROUNDS = 60;

  /** A list element of a few bytes becomes an object; the rest is the cost of reflection. */
  private static final long MEMORY_FACTOR = 200;

  private static final long MEMORY_BASE = 256 << 10;

  private final SplittableRandom random = new SplittableRandom(Fuzzing.SEED);
  private final MessageMutator mutator = new MessageMutator(random);
  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private long good;
  private long bad;

  @Test
  void decodersGiveAMessageOrSayMalformed() throws IOException, ReflectiveOperationException {
    List<Seed> seeds = MessageSeeds.load();
    long end = Fuzzing.end();
    int round = 0;
    do {
      for (Seed seed : seeds) {
        Seed other = seeds.get(random.nextInt(seeds.size()));
        check(seed, mutator.mutate(seed.bytes(), other.bytes()));
      }
      round++;
    } while (round < ROUNDS || System.nanoTime() < end);
    // Damage that never gets past a decoder, or always does, tests nothing.
    assertTrue(good > seeds.size() && bad > seeds.size(), good + " good, " + bad + " bad");
  }

  private void check(Seed seed, byte[] bytes) throws ReflectiveOperationException {
    long before = threads.getCurrentThreadAllocatedBytes();
    Message message;
    try {
      message = MessageSeeds.decode(seed.type(), bytes);
      good++;
    } catch (MalformedMessageException e) {
      bad++;
      return;
    } catch (ReflectiveOperationException | RuntimeException | Error e) {
      throw new AssertionError(describe(seed, bytes), e);
    } finally {
      long used = threads.getCurrentThreadAllocatedBytes() - before;
      assertTrue(
          used <= MEMORY_BASE + MEMORY_FACTOR * bytes.length,
          () -> used + " bytes of memory for " + describe(seed, bytes));
    }
    ByteBuffer out = Frames.buffer(message.encodedSize());
    message.encode(out);
    assertEquals(0, out.remaining(), () -> describe(seed, bytes));
    assertEquals(
        message, MessageSeeds.decode(seed.type(), out.array()), () -> describe(seed, bytes));
    ByteBuffer again = Frames.buffer(message.encodedSize());
    MessageSeeds.decode(seed.type(), out.array()).encode(again);
    assertArrayEquals(out.array(), again.array());
  }

  private static String describe(Seed seed, byte[] bytes) {
    return seed.type().getSimpleName() + " from " + HexFormat.of().formatHex(bytes);
  }
}
