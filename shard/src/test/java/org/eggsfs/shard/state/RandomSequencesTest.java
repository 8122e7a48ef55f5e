package org.eggsfs.shard.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.shard.*;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random request sequences from seeds. After every entry the tables must be sound (P1 to P13), a
 * failed one must have changed nothing (P18, in the harness), directory mtimes must not fall (P11),
 * and block ids must grow (P22); at the end a replay must give the same tables (P20).
 */
class RandomSequencesTest {
  private static final int REQUESTS = 1500;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void everyEntryLeavesTheTablesSound(long seed) throws EggsException {
    Harness shard = new Harness(seed % 2 == 0 ? 0 : 17, seed);
    RandomRequests requests = new RandomRequests(shard, new Random(seed));
    for (int i = 1; i <= 4; i++) {
      shard.makeDirectory(i);
    }
    TreeSet<Integer> succeeded = new TreeSet<>();
    Map<ErrorCode, Integer> failures = new EnumMap<>(ErrorCode.class);
    Map<Long, Long> mtimes = new HashMap<>();
    long lastBlock = 0;
    for (int i = 0; i < REQUESTS; i++) {
      ShardRequest request = requests.next();
      if (shard.random.nextInt(20) == 0) {
        shard.now += shard.random.nextInt(4) * Harness.INTERVAL / 2;
      }
      try {
        ShardResponse response = shard.signed(request);
        requests.saw(response);
        succeeded.add(request.kind());
      } catch (EggsException e) {
        failures.merge(e.code(), 1, Integer::sum);
      }
      List<String> findings = shard.check();
      assertTrue(findings.isEmpty(), () -> "seed " + seed + " after " + request + ": " + findings);
      checkMtimes(shard, mtimes);
      long block = MetaTable.lastBlock(shard.store, shard.shard);
      assertTrue(block >= lastBlock && block <= shard.now + 1_000_000_000L);
      lastBlock = block;
    }
    assertEquals(Harness.dump(shard.store), shard.replay(), "seed " + seed);
    // The sequences must reach something, or they prove nothing.
    assertTrue(succeeded.size() >= 20, () -> "kinds that succeeded: " + succeeded);
    assertTrue(failures.size() >= 12, () -> "errors seen: " + failures);
    assertTrue(!failures.containsKey(ErrorCode.MTIME_IS_TOO_RECENT));
  }

  private static void checkMtimes(Harness shard, Map<Long, Long> mtimes) {
    for (int i = 1; i <= 4; i++) {
      long id = shard.directory(i);
      DirectoriesTable.Row row = DirectoriesTable.get(shard.store, shard.shard, id);
      if (row != null) {
        Long before = mtimes.put(id, row.mtime());
        assertTrue(before == null || before <= row.mtime());
      }
    }
  }

  /** P24: whatever decodes is answered or refused, and leaves the tables sound. */
  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13})
  void mutatedRequestsNeverBreakAnything(long seed) {
    Harness shard = new Harness(0, seed);
    RandomRequests requests = new RandomRequests(shard, new Random(seed));
    Random random = new Random(seed);
    int handled = 0;
    for (int i = 0; i < 6000; i++) {
      ShardRequest request = requests.next();
      if (random.nextInt(3) == 0) {
        request = mutated(request, random);
      }
      if (request == null || request instanceof ShardSnapshotRequest) {
        continue;
      }
      try {
        ShardResponse response =
            ShardKind.isReadOnly(request.kind()) ? shard.read(request) : shard.signed(request);
        requests.saw(response);
        handled++;
      } catch (EggsException e) {
        handled++;
      }
    }
    assertTrue(handled > 4000);
    shard.assertSound();
    assertEquals(Harness.dump(shard.store), shard.replay(), "seed " + seed);
  }

  /** The request with some bytes changed, or its bytes under another kind; null if malformed. */
  private static ShardRequest mutated(ShardRequest request, Random random) {
    ByteBuffer bytes = Frames.buffer(request.encodedSize());
    request.encode(bytes);
    for (int i = random.nextInt(4); i > 0 && bytes.capacity() > 0; i--) {
      byte[] interesting = {0, 1, -1, 127, -128, (byte) random.nextInt()};
      bytes.put(random.nextInt(bytes.capacity()), interesting[random.nextInt(interesting.length)]);
    }
    bytes.flip();
    int kind = random.nextInt(4) == 0 ? 1 + random.nextInt(137) : request.kind();
    try {
      return ShardRequest.decode(kind, bytes);
    } catch (MalformedMessageException e) {
      return null;
    }
  }

  /** Requests of every kind with random bytes for a body: P24 again, from the other end. */
  @Test
  void randomBodies() {
    Harness shard = new Harness(0, 21);
    Random random = new Random(21);
    int handled = 0;
    for (int i = 0; i < 40_000; i++) {
      byte[] body = new byte[60 + random.nextInt(200)];
      for (int b = 0; b < body.length; b++) {
        body[b] = (byte) (random.nextInt(4) == 0 ? random.nextInt() : 0);
      }
      // An id of this shard in front, where most requests have one.
      long id = InodeIds.of(1 + random.nextInt(3), random.nextInt(2), 0);
      for (int b = 0; b < 8; b++) {
        body[b] = (byte) (id >>> 8 * b);
      }
      int kind = 1 + random.nextInt(137);
      try {
        ShardRequest request =
            ShardRequest.decode(
                kind, ByteBuffer.wrap(body).order(java.nio.ByteOrder.LITTLE_ENDIAN));
        handled++;
        if (request instanceof ShardSnapshotRequest) {
          continue;
        }
        if (ShardKind.isReadOnly(kind)) {
          shard.read(request);
        } else {
          shard.signed(request);
        }
      } catch (MalformedMessageException | EggsException e) {
        // An answer, or a dropped datagram.
      }
    }
    assertTrue(handled > 1000);
    shard.assertSound();
  }
}
