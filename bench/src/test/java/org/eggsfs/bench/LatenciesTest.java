package org.eggsfs.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Goal: percentiles are exact. */
class LatenciesTest {
  @Test
  void percentilesOfKnownValues() {
    long[] hundred = LongStream.rangeClosed(1, 100).toArray();
    assertEquals(50, Latencies.percentile(hundred, 0.5));
    assertEquals(99, Latencies.percentile(hundred, 0.99));
    assertEquals(100, Latencies.percentile(hundred, 1));
    assertEquals(1, Latencies.percentile(hundred, 0));
    assertEquals(7, Latencies.percentile(new long[] {7}, 0.5));
    assertEquals(0, Latencies.percentile(new long[0], 0.5));
  }

  @Test
  void partsAreMergedInOrder() {
    Latencies a = new Latencies();
    Latencies b = new Latencies();
    for (long i = 3000; i > 0; i--) {
      (i % 2 == 0 ? a : b).add(i);
    }
    assertArrayEquals(LongStream.rangeClosed(1, 3000).toArray(), Latencies.merge(a, b));
  }
}
