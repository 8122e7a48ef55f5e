package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.ShardKind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Goal: the end of a file is one request where the shard knows ours, and the same in several where
 * it does not; nobody waits to find out which. Method: the fake cluster counts requests.
 */
final class CommitTest {
  private static final long ROOT = InodeIds.ROOT;
  private static final long MTIME = 1_234_567_890_123_456_789L;

  private FakeCluster cluster;
  private EggsClient client;

  @BeforeEach
  void start() throws Exception {
    cluster = new FakeCluster(6);
    RetryPolicy patience = RetryPolicy.ofMillis(100, 200, 5_000);
    client = cluster.connect(config -> config.cdcRetry(patience).shardRetry(patience));
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    cluster.close();
  }

  private static byte[] bytes(String name) {
    return name.getBytes(StandardCharsets.UTF_8);
  }

  private long write(String name, byte[] data, boolean mustBeNew) throws Exception {
    try (FileWriter writer = client.files().create(ROOT, bytes(name))) {
      writer.write(data, 0, data.length);
      writer.timesAtCommit(MTIME, -1);
      return writer.commitAs(ROOT, bytes(name), mustBeNew).id();
    }
  }

  /** Until the shard has been asked what it knows. */
  private void warm() throws Exception {
    client.newNames().rename(ROOT, bytes("warm"), ROOT, bytes("warmer"));
  }

  private void assertIs(String name, long id, byte[] data) throws Exception {
    assertEquals(id, client.inodes().lookup(ROOT, bytes(name)));
    assertEquals(MTIME, client.inodes().stat(id).mtime());
    try (FileReader reader = client.files().open(id)) {
      byte[] read = new byte[data.length];
      reader.readFully(0, ByteBuffer.wrap(read));
      assertArrayEquals(data, read);
    }
  }

  private int[] counts() {
    return new int[] {
      cluster.requests(ShardKind.COMMIT_FILE),
      cluster.requests(ShardKind.ADD_SPAN_CERTIFY),
      cluster.requests(ShardKind.LINK_FILE),
      cluster.requests(ShardKind.SET_TIME)
    };
  }

  @Test
  void anEndIsOneRequest() throws Exception {
    write("warm", new byte[0], false);
    warm();
    int[] before = counts();
    // Of one span, of two, of three of which the last is small, in the metadata, and empty.
    for (int size : new int[] {4096, 300_000, 2 * (256 << 10) + 100, 200, 0}) {
      byte[] data = FileRoundTripTest.data(size, size);
      assertIs("f" + size, write("f" + size, data, false), data);
    }
    int[] after = counts();
    assertEquals(before[0] + 5, after[0]);
    assertEquals(before[2], after[2], "links");
    assertEquals(before[3], after[3], "times");
    // Spans before the last, of the second and third file.
    assertEquals(before[1] + 3, after[1], "certificates");
  }

  @Test
  void aShardThatDropsOurMessageGetsItsOwn() throws Exception {
    cluster.dropsOurOwn = true;
    for (int size : new int[] {4096, 300_000, 200, 0}) {
      byte[] data = FileRoundTripTest.data(size, size);
      assertIs("f" + size, write("f" + size, data, false), data);
    }
    // One that overtakes its certificate is sent again.
    assertTrue(cluster.requests(ShardKind.LINK_FILE) >= 4);
    assertEquals(0, cluster.requests(ShardKind.COMMIT_FILE));
  }

  @Test
  void aNameThatMustBeNewIsNew() throws Exception {
    for (boolean drops : new boolean[] {false, true}) {
      cluster.dropsOurOwn = drops;
      try (EggsClient other =
          cluster.connect(config -> config.shardRetry(RetryPolicy.ofMillis(50, 100, 5_000)))) {
        String name = "new" + drops;
        long first;
        try (FileWriter writer = other.files().create(ROOT, bytes(name))) {
          first = writer.commitAs(ROOT, bytes(name), true).id();
        }
        try (FileWriter writer = other.files().create(ROOT, bytes(name))) {
          writer.write(new byte[5000]);
          EggsException refused =
              assertThrows(EggsException.class, () -> writer.commitAs(ROOT, bytes(name), true));
          assertEquals(ErrorCode.CANNOT_OVERRIDE_NAME, refused.code());
        }
        assertEquals(first, other.inodes().lookup(ROOT, bytes(name)));
      }
    }
  }

  @Test
  void aLostAnswerIsNotAFailure() throws Exception {
    write("warm", new byte[0], false);
    warm();
    cluster.loseFirstAnswerOf = List.of(ShardKind.COMMIT_FILE);
    byte[] data = FileRoundTripTest.data(5000, 1);
    assertIs("f", write("f", data, true), data);
  }

  @Test
  void whatIsReplacedBeforeTheRepeatWasThere() throws Exception {
    write("warm", new byte[0], false);
    warm();
    cluster.loseFirstAnswerOf = List.of(ShardKind.COMMIT_FILE);
    int[] commits = {0};
    cluster.hook =
        request -> {
          // Removed between the two; the name's past tells.
          if (request instanceof CommitFileRequest && ++commits[0] == 2) {
            cluster.unlink("f");
          }
        };
    write("f", FileRoundTripTest.data(5000, 1), false);
    assertEquals(2, commits[0]);
  }
}
