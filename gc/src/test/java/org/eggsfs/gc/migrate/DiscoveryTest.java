package org.eggsfs.gc.migrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.junit.jupiter.api.Test;

/**
 * Goal: every file is told once, in order, with exactly the services that hold blocks of it,
 * however long the pages of a shard are. Method: random lists behind a fake shard, with pages of
 * one as of TernFS and longer ones.
 */
class DiscoveryTest {
  private static final long SEED = 7;

  private final Map<Long, TreeSet<Long>> lists = new HashMap<>();
  private final AtomicInteger asked = new AtomicInteger();

  private CompletableFuture<ShardResponse> answer(ShardRequest request, int pageMax) {
    asked.incrementAndGet();
    BlockServiceFilesRequest files = (BlockServiceFilesRequest) request;
    long[] page =
        lists.get(files.blockServiceId()).tailSet(files.startFrom()).stream()
            .limit(pageMax)
            .mapToLong(Long::longValue)
            .toArray();
    return CompletableFuture.supplyAsync(() -> new BlockServiceFilesResponse(page));
  }

  @Test
  void listsAreMergedWhateverThePages() throws Exception {
    Random random = new Random(SEED);
    TreeMap<Long, TreeSet<Long>> expected = new TreeMap<>();
    for (long service = 1; service <= 5; service++) {
      TreeSet<Long> files = new TreeSet<>();
      int count = service == 3 ? 0 : random.nextInt(200);
      for (int i = 0; i < count; i++) {
        long file = 1 + random.nextLong(300);
        files.add(file);
        expected.computeIfAbsent(file, f -> new TreeSet<>()).add(service);
      }
      lists.put(service, files);
    }
    for (int pageMax : new int[] {1, 2, 179}) {
      Map<Long, TreeSet<Long>> found = new TreeMap<>();
      List<Long> order = new ArrayList<>();
      new Discovery((shard, request) -> answer(request, pageMax))
          .scan(
              9,
              lists.keySet(),
              (file, services) -> {
                found.put(file, new TreeSet<>(services));
                order.add(file);
              });
      assertEquals(expected, found);
      assertEquals(new ArrayList<>(expected.keySet()), order);
    }
  }

  @Test
  void thePageAfterTheFirstIsAskedForBeforeTheFirstIsWorkedOff() throws Exception {
    lists.put(1L, new TreeSet<>(Arrays.asList(1L, 2L, 3L, 4L)));
    List<Integer> askedAt = new ArrayList<>();
    new Discovery((shard, request) -> answer(request, 2))
        .scan(0, List.of(1L), (file, services) -> askedAt.add(asked.get()));
    assertTrue(askedAt.getFirst() >= 2, askedAt.toString());
  }

  @Test
  void aShardThatGoesBackwardsIsNoEndlessLoop() {
    Discovery discovery =
        new Discovery(
            (shard, request) ->
                CompletableFuture.completedFuture(
                    new BlockServiceFilesResponse(new long[] {5, 6})));
    EggsException error =
        assertThrows(
            EggsException.class, () -> discovery.scan(0, List.of(1L), (file, services) -> {}));
    assertEquals(ErrorCode.MALFORMED_RESPONSE, error.code());
  }

  @Test
  void theErrorOfAShardComesOut() {
    Discovery discovery =
        new Discovery(
            (shard, request) ->
                CompletableFuture.failedFuture(new EggsException(ErrorCode.TIMEOUT)));
    EggsException error =
        assertThrows(
            EggsException.class, () -> discovery.scan(0, List.of(1L), (file, services) -> {}));
    assertEquals(ErrorCode.TIMEOUT, error.code());
  }
}
