package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.struct.Edge;
import org.junit.jupiter.api.Test;

/** Goal: parsing, formatting and tables of the operators' commands, against simple references. */
class OperatorsHelpersTest {
  @Test
  void numbersAreReadAsTheyAreWritten() throws CommandFailure {
    assertEquals(0x1234, Numbers.id("--id", "0x1234"));
    assertEquals(-1, Numbers.id("--id", "0xffffffffffffffff"));
    assertEquals(77, Numbers.id("--id", "77"));
    for (String bad : List.of("", "x", "0x", "1.5", "0x10000000000000000")) {
      CommandFailure failure =
          assertThrows(CommandFailure.class, () -> Numbers.id("--id", bad), bad);
      assertEquals(ExitCodes.USAGE, failure.exitCode());
    }
    assertEquals(InodeIds.ROOT, Numbers.inode("--id", "0x2000000000000000"));
    assertThrows(CommandFailure.class, () -> Numbers.inode("--id", "0x0000000000000001"));
    assertTrue(Numbers.looksLikeId("0x1"));
    assertFalse(Numbers.looksLikeId("/0x1"));
    Instant now = Instant.parse("2026-01-02T03:04:05Z");
    assertEquals(Units.nanos(now.minusSeconds(90)), Numbers.moment("--as-of", "1m30s", now));
    assertEquals(
        Units.nanos(Instant.parse("2025-01-02T03:04:05.5Z")),
        Numbers.moment("--as-of", "2025-01-02T03:04:05.5Z", now));
    assertThrows(CommandFailure.class, () -> Numbers.moment("--as-of", "noon", now));
  }

  @Test
  void rowsOfCsvGoBothWays() throws CommandFailure {
    for (List<String> row :
        List.of(
            List.of("a", "b"),
            List.of(""),
            List.of("", ""),
            List.of("a,b", "\"", "say \"x\"", "plain"),
            List.of("\"\"", ",", "end"))) {
      assertEquals(row, Csv.parse(Csv.row(row)));
    }
    assertEquals("\"a\"\"b\"", Csv.quote("a\"b"));
    assertThrows(CommandFailure.class, () -> Csv.parse("\"open"));
  }

  @Test
  void eachSizeIsInItsBin() {
    Histogram histogram = new Histogram(255, 1.15);
    assertEquals(255, histogram.bound(0));
    for (int i = 1; i < histogram.bins(); i++) {
      assertTrue(histogram.bound(i) > histogram.bound(i - 1), "bin " + i);
    }
    histogram.add(0, 10);
    histogram.add(255, 10);
    histogram.add(256, 20);
    histogram.add(Long.MAX_VALUE, 5);
    assertEquals(2, histogram.files(0));
    assertEquals(255, histogram.bytes(0));
    assertEquals(1, histogram.files(1));
    assertEquals(1, histogram.files(histogram.bins() - 1));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    histogram.writeCsv(new PrintStream(bytes, true, StandardCharsets.UTF_8), true);
    List<String> lines = bytes.toString(StandardCharsets.UTF_8).lines().toList();
    assertEquals(4, lines.size());
    assertEquals("255,2,255,20", lines.get(1));
    assertEquals(histogram.bound(1) + ",1,256,20", lines.get(2));
  }

  @Test
  void theMapIsAMap() {
    SplittableRandom random = new SplittableRandom(5);
    LongLongMap map = new LongLongMap();
    Map<Long, Long> reference = new HashMap<>();
    for (int i = 0; i < 20_000; i++) {
      long key = 1L + random.nextInt(5000);
      long value = random.nextLong() >>> 1;
      Long before = reference.put(key, value);
      assertEquals(before == null ? LongLongMap.ABSENT : before, map.put(key, value));
      long other = 1L + random.nextInt(6000);
      assertEquals(reference.getOrDefault(other, LongLongMap.ABSENT).longValue(), map.get(other));
    }
    assertEquals(reference.size(), map.size());
    Map<Long, Long> seen = new HashMap<>();
    map.forEach(seen::put);
    assertEquals(reference, seen);
    assertEquals(LongLongMap.ABSENT, map.get(0));
  }

  @Test
  void listsAreSortedAndUnique() {
    LongList list = new LongList();
    assertEquals(0, list.sorted().length);
    for (long value : new long[] {5, 3, 5, 9, 3, 1}) {
      list.add(value);
    }
    assertArrayEquals(new long[] {1, 3, 5, 9}, list.sorted());
  }

  private static Edge edge(long id, long time) {
    return new Edge(false, id, 0, new byte[] {'f'}, time);
  }

  @Test
  void aNameIsWhatItLastWas() {
    List<Edge> newestFirst = List.of(edge(7, 50), edge(InodeIds.NULL, 30), edge(6, 10));
    assertEquals(7, History.asOf(newestFirst, 50).targetId());
    assertEquals(7, History.asOf(newestFirst, 99).targetId());
    assertNull(History.asOf(newestFirst, 49));
    assertNull(History.asOf(newestFirst, 30));
    assertEquals(6, History.asOf(newestFirst, 29).targetId());
    assertEquals(6, History.asOf(newestFirst, 10).targetId());
    assertNull(History.asOf(newestFirst, 9));
  }

  @Test
  void flagsAreCombined() throws CommandFailure {
    assertEquals(12, Tables.flagMask("NO_WRITE|decommissioned"));
    assertEquals(0, Tables.flagMask("0"));
    assertThrows(CommandFailure.class, () -> Tables.flagMask("NO_WRITE|BROKEN"));
  }

  @Test
  void pathsHaveComponents() {
    assertEquals(List.of(), EggsPath.components("/"));
    assertEquals(
        List.of("a", "b c"), EggsPath.components("/a/b c").stream().map(EggsPath::text).toList());
  }
}
