package org.eggsfs.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/** Goal: what people type and read is exact. Method: known spellings, and there and back. */
class TextFormsTest {
  @Example
  void durationsInBothSpellings() {
    assertEquals(0, Durations.parse("0"));
    assertEquals(5_400_000_000_000L, Durations.parse("1h30m"));
    assertEquals(250_000_000L, Durations.parse("250ms"));
    assertEquals(1_500_000_000L, Durations.parse("1.5s"));
    assertEquals(500_000_000L, Durations.parse(".5s"));
    assertEquals(3_000L, Durations.parse("3\u00b5s"));
    assertEquals(3_000L, Durations.parse("3\u03bcs"));
    assertEquals(2_592_000_000_000_000L, Durations.parse("720h0m0s"));
    assertEquals(2_592_000_000_000_000L, Durations.parse("30d"));
    assertEquals(3_600_000_000_000_001L, Durations.parse("1000h1ns"));
    for (String wrong :
        new String[] {"", "5", "-1s", "1 s", "1sm", "s", "1h30", "1x", ".s", "300y", "9999999h"}) {
      assertThrows(IllegalArgumentException.class, () -> Durations.parse(wrong), wrong);
    }
  }

  @Example
  void durationsAsGoPrintsThem() {
    assertEquals("0s", Durations.formatExact(0));
    assertEquals("720h0m0s", Durations.formatExact(Durations.parse("30d")));
    assertEquals("1m30.5s", Durations.formatExact(90_500_000_000L));
    assertEquals("10s", Durations.formatExact(10_000_000_000L));
    assertEquals("250ms", Durations.formatExact(250_000_000L));
    assertEquals("1.5\u00b5s", Durations.formatExact(1_500));
    assertEquals("17ns", Durations.formatExact(17));
  }

  @Property(tries = 300)
  void durationsThereAndBack(@ForAll @LongRange(min = 0) long nanos) {
    assertEquals(nanos, Durations.parse(Durations.formatExact(nanos)));
  }

  @Property(tries = 300)
  void timesThereAndBack(@ForAll @LongRange(min = 0) long nanos) {
    assertEquals(nanos, Timestamps.parse(Timestamps.format(nanos)));
    assertEquals(nanos, Timestamps.of(Timestamps.toInstant(nanos)));
  }

  @Example
  void timesHaveNineDigits() {
    assertEquals("1970-01-01T00:00:00.000000001Z", Timestamps.format(1));
    assertEquals(1_000_000_000L, Timestamps.of(Instant.ofEpochSecond(1)));
    assertEquals(1_500_000_000L, Timestamps.parse("1970-01-01T00:00:01.5Z"));
  }

  @Property(tries = 300)
  void inodeIdsThereAndBack(
      @ForAll @IntRange(min = 1, max = 3) int type,
      @ForAll @LongRange(min = 0, max = (1L << 53) - 2) long sequence,
      @ForAll @IntRange(min = 0, max = 255) int shard) {
    long id = InodeIds.of(type, sequence, shard);
    assertTrue(InodeIds.isValid(id));
    assertEquals(type, InodeIds.type(id));
    assertEquals(sequence, InodeIds.sequence(id));
    assertEquals(shard, InodeIds.shard(id));
    assertEquals(id, InodeIds.parse(InodeIds.format(id)));
    assertEquals(id, InodeIds.parse(Long.toString(id)));
    long flagged = InodeIds.withExtra(id, true);
    assertTrue(InodeIds.extra(flagged) && !InodeIds.isValid(flagged));
    assertEquals(id, InodeIds.withoutExtra(flagged));
    assertEquals(id, InodeIds.withExtra(flagged, false));
  }

  @Example
  void invalidInodeIds() {
    assertTrue(InodeIds.isValid(InodeIds.NULL));
    assertTrue(InodeIds.isValid(InodeIds.ROOT));
    assertEquals("0x2000000000000000", InodeIds.format(InodeIds.ROOT));
    assertFalse(InodeIds.isValid(1));
    assertFalse(InodeIds.isValid(InodeIds.of(InodeIds.FILE, (1L << 53) - 1, 0)));
    assertThrows(NumberFormatException.class, () -> InodeIds.parse("0x1"));
    assertThrows(NumberFormatException.class, () -> InodeIds.parse("root"));
  }

  @Example
  void names() {
    for (String good : new String[] {"a", "...", ".a", "..a", "a b", "n".repeat(255)}) {
      assertTrue(Names.isValid(good.getBytes(StandardCharsets.UTF_8)), good);
    }
    for (String bad : new String[] {"", ".", "..", "/", "a/b", "a\0", "n".repeat(256)}) {
      assertFalse(Names.isValid(bad.getBytes(StandardCharsets.UTF_8)), bad);
    }
  }

  @Example
  void parities() {
    assertEquals(0x4A, Parity.of(10, 4));
    assertEquals("(10,4)", Parity.format(0x4A));
    assertEquals(14, Parity.blocks(0x4A));
    assertTrue(Parity.isValid(Parity.of(1, 0)) && Parity.isValid(Parity.of(15, 15)));
    assertFalse(Parity.isValid(Parity.of(2, 0)));
    assertFalse(Parity.isValid(Parity.of(0, 4)));
    assertFalse(Parity.isValid(0x14A));
    assertThrows(IllegalArgumentException.class, () -> Parity.of(16, 1));
  }
}
