package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Goal: the small things that all commands share. */
class HelpersTest {
  @Test
  void pathsAreCleaned() throws CommandFailure {
    assertEquals("/", EggsPath.parse("/"));
    assertEquals("/", EggsPath.parse("eggs:/"));
    assertEquals("/a/c", EggsPath.parse("eggs:/a//./b/../c/"));
    assertEquals("/a", EggsPath.parse("/../a"));
    assertThrows(CommandFailure.class, () -> EggsPath.parse("a"));
    assertThrows(CommandFailure.class, () -> EggsPath.parse("eggs:a"));
    assertEquals("/a/b", EggsPath.child("/a", "b"));
    assertEquals("/b", EggsPath.child("/", "b"));
    assertEquals("/", EggsPath.parent("/a"));
    assertEquals("/a", EggsPath.parent("/a/b"));
    assertEquals("b", EggsPath.name("/a/b"));
  }

  @Test
  void sizesAndTimes() throws CommandFailure {
    assertEquals("1023 B", Units.bytes(1023));
    assertEquals("1.00 KiB", Units.bytes(1024));
    assertEquals("12.5 MiB", Units.bytes(12_800 * 1024));
    assertEquals("8.00 EiB", Units.bytes(Long.MAX_VALUE));
    assertEquals("never", Units.ago(0, Instant.now()));
    Instant moment = Instant.ofEpochSecond(1_700_000_000L, 123);
    assertEquals(moment, Units.instant(Units.nanos(moment)));
    assertEquals("3m", Units.ago(Units.nanos(moment), moment.plusSeconds(200)));
    assertEquals(Units.nanos(moment.minusSeconds(3600)), Numbers.moment("--before", "1h", moment));
    assertEquals(
        Units.nanos(moment), Numbers.moment("--before", "2023-11-14T22:13:20.000000123Z", moment));
    assertThrows(CommandFailure.class, () -> Numbers.moment("--before", "yesterday", moment));
    // Longer ago than there are times; as an unsigned number it would be the far future.
    assertEquals(0, Numbers.moment("--before", "30000d", moment));
    assertEquals(0, Numbers.moment("--before", "1969-12-31T23:59:59.5Z", moment));
    assertEquals(1, Numbers.moment("--before", "1970-01-01T00:00:00.000000001Z", moment));
    assertEquals(
        Long.MAX_VALUE, Numbers.moment("--before", "2262-04-11T23:47:16.854775807Z", moment));
    assertEquals(Long.MAX_VALUE, Numbers.moment("--before", "2600-01-01T00:00:00Z", moment));
  }

  @Test
  void tablesAreAligned() {
    TablePrinter table = new TablePrinter("NAME", ">SIZE", "X");
    table.row("a", 1, "y");
    table.row("long", 1000, "");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    table.print(new PrintStream(out, true, StandardCharsets.UTF_8));
    assertEquals(
        "NAME  SIZE  X\na        1  y\nlong  1000  \n", out.toString(StandardCharsets.UTF_8));
    assertThrows(IllegalArgumentException.class, () -> table.row("a"));
  }

  @Test
  void aSetOfLongsIsASet() {
    LongSet set = new LongSet();
    Set<Long> model = new HashSet<>();
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 20_000; i++) {
      long value = random.nextInt(4) == 0 ? random.nextLong() : random.nextLong(5_000) << 8;
      assertEquals(model.add(value), set.add(value));
    }
    assertEquals(model.size(), set.size());
    Set<Long> all = new HashSet<>();
    set.forEach(all::add);
    assertEquals(model, all);
    assertTrue(set.contains(model.iterator().next()));
    assertFalse(set.contains(3));
  }

  @Test
  void flagsHaveNames() throws CommandFailure {
    assertEquals("-", Tables.flags(0));
    assertEquals("STALE|NO_WRITE", Tables.flags(5));
    assertEquals(8, Tables.flag("decommissioned"));
    assertThrows(CommandFailure.class, () -> Tables.flag("broken"));
  }
}
