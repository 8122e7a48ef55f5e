package org.eggsfs.net;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.protocol.ErrorCode;
import org.junit.jupiter.api.Test;

/** Goal: what is told adds up to what happened, over all threads and parts. */
class RequestMetricsTest {
  private static List<String> lines(RequestMetrics... parts) {
    return RequestMetrics.measurements(
            "eggsfs_x", m -> m.tag("where", "here"), kind -> "K" + kind, List.of(parts))
        .stream()
        .map(measurement -> measurement.line(0))
        .toList();
  }

  @Test
  void nothingIsToldOfKindsThatNobodyAskedFor() {
    assertEquals(List.of(), lines(new RequestMetrics()));
  }

  @Test
  void kindsErrorsAndLatenciesOfAllPartsAreAddedUp() {
    RequestMetrics one = new RequestMetrics();
    RequestMetrics other = new RequestMetrics();
    one.answered(255, null, 100_000);
    other.answered(255, ErrorCode.NAME_NOT_FOUND, 100_001);
    other.answered(255, null, 2_000_000_000L);
    one.answered(0, ErrorCode.NAME_NOT_FOUND, 0);
    assertEquals(
        List.of(
            "eggsfs_x_requests,where=here,kind=K0 count=1i,errors=1i,latency_ns=0i,"
                + "within_100us=1i,within_1ms=1i,within_10ms=1i,within_100ms=1i,within_1s=1i 0",
            "eggsfs_x_requests,where=here,kind=K255 count=3i,errors=1i,latency_ns=2000200001i,"
                + "within_100us=1i,within_1ms=2i,within_10ms=2i,within_100ms=2i,within_1s=2i 0",
            "eggsfs_x_errors,where=here,error=NAME_NOT_FOUND count=2i 0"),
        lines(one, other));
    assertEquals(1, one.count(255));
  }

  @Test
  void nothingIsLostAmongThreads() throws InterruptedException {
    RequestMetrics metrics = new RequestMetrics();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int n = 0; n < 10_000; n++) {
                      metrics.answered(7, null, n);
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(40_000, metrics.count(7));
  }
}
