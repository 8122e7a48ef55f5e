package org.eggsfs.fuse.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** INIT with kernels old and new. */
class NegotiationTest {
  private static final int MIB = 1 << 20;

  private static MemorySegment init(int major, int minor, int readAhead, long flags, int size) {
    MemorySegment body = Arena.ofAuto().allocate(64, 8);
    body.set(ValueLayout.JAVA_INT_UNALIGNED, 0, major);
    body.set(ValueLayout.JAVA_INT_UNALIGNED, 4, minor);
    body.set(ValueLayout.JAVA_INT_UNALIGNED, 8, readAhead);
    body.set(ValueLayout.JAVA_INT_UNALIGNED, 12, (int) flags);
    body.set(ValueLayout.JAVA_INT_UNALIGNED, 16, (int) (flags >>> 32));
    return body.asSlice(0, size);
  }

  private static Negotiation agree(MemorySegment body) throws IOException {
    return Negotiation.agree(body, MIB, 8 * MIB, 32, false);
  }

  @Test
  void takesTheSmallerMinorAndOnlyWantedFlags() throws IOException {
    Negotiation modern = agree(init(7, 99, 131_072, -1, 64));
    assertEquals(Abi.MINOR_MAX, modern.minor());
    assertTrue(modern.has(Abi.INIT_MAX_PAGES));
    assertTrue(modern.has(Abi.INIT_INIT_EXT));
    assertFalse(modern.has(1 << 16), "writeback cache");
    assertFalse(modern.has(1 << 12), "automatic invalidation of data");
    assertEquals(256, modern.pagesMax());
    assertEquals(131_072, modern.readAheadMax());
  }

  @Test
  void oldKernelsHaveAShortBodyAndSmallRequests() throws IOException {
    Negotiation old = agree(init(7, 31, 131_072, Abi.INIT_ASYNC_READ, 16));
    assertNotNull(old);
    assertEquals(31, old.minor());
    assertEquals(131_072, old.writeSizeMax());
    assertEquals(Abi.INIT_ASYNC_READ, old.flags());
  }

  @Test
  void theSecondHalfOfTheFlagsCountsOnlyWhenAnnounced() throws IOException {
    long high = Abi.INIT_OVER_IO_URING;
    assertFalse(agree(init(7, 45, 0, high, 64)).has(high));
  }

  @Test
  void aNewerMajorIsAskedToComeBack() throws IOException {
    assertNull(agree(init(8, 0, 0, 0, 64)));
    MemorySegment out = Arena.ofAuto().allocate(Abi.INIT_OUT_SIZE);
    Negotiation.putOtherMajor(out, 0);
    assertEquals(7, out.get(ValueLayout.JAVA_INT_UNALIGNED, 0));
  }

  @Test
  void anOlderKernelIsRefusedWithWhatIsNeeded() {
    IOException refusal = assertThrows(IOException.class, () -> agree(init(7, 26, 0, 0, 16)));
    assertTrue(refusal.getMessage().contains("7.26"), refusal.getMessage());
    assertTrue(refusal.getMessage().contains("7.31"), refusal.getMessage());
  }

  @Test
  void theAnswerHasTheKernelsLayout() throws IOException {
    MemorySegment out = Arena.ofAuto().allocate(Abi.INIT_OUT_SIZE, 8);
    Negotiation agreed = agree(init(7, 45, 131_072, -1, 64));
    agreed.put(out, 0);
    assertEquals(7, out.get(ValueLayout.JAVA_INT_UNALIGNED, 0));
    assertEquals(45, out.get(ValueLayout.JAVA_INT_UNALIGNED, 4));
    assertEquals((int) agreed.flags(), out.get(ValueLayout.JAVA_INT_UNALIGNED, 12));
    assertEquals(32, out.get(ValueLayout.JAVA_SHORT_UNALIGNED, 16));
    assertEquals(MIB, out.get(ValueLayout.JAVA_INT_UNALIGNED, 20));
    assertEquals(1, out.get(ValueLayout.JAVA_INT_UNALIGNED, 24));
    assertEquals(256, out.get(ValueLayout.JAVA_SHORT_UNALIGNED, 28));
  }
}
