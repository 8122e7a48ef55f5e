package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcKind;
import org.eggsfs.protocol.shard.ShardKind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * Goal: a name that must be new is new, with servers that know our messages and with those that
 * drop them; which of both it is costs one question, not one for each name, and a server that is
 * down is not taken for one that is old. Method: the fake cluster, with short patience.
 */
final class NewNamesTest {
  private static final long ROOT = InodeIds.ROOT;

  private FakeCluster cluster;
  private EggsClient client;

  @BeforeEach
  void start() throws Exception {
    cluster = new FakeCluster(6);
    RetryPolicy patience = RetryPolicy.ofMillis(100, 200, 2_000);
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

  private long touch(String path) throws Exception {
    try (FileWriter writer = client.paths().create(path)) {
      return writer.commit();
    }
  }

  private static void fails(ErrorCode expected, Executable executable) {
    assertEquals(expected, assertThrows(EggsException.class, executable).code());
  }

  private int asked(int kind) {
    return Collections.frequency(List.copyOf(cluster.cdcRequests), kind);
  }

  @Test
  void aNewDirectoryIsNew() throws Exception {
    long made = client.newNames().makeDirectory(ROOT, bytes("d"));
    assertEquals(made, client.inodes().lookup(ROOT, bytes("d")));
    fails(ErrorCode.CANNOT_OVERRIDE_NAME, () -> client.newNames().makeDirectory(ROOT, bytes("d")));
    assertEquals(made, client.inodes().mkdir(ROOT, bytes("d")), "who does not care gets it");
    client.newNames().makeDirectory(made, bytes("e"));
    assertEquals(1 + 3, asked(CdcKind.MAKE_NEW_DIRECTORY), "one question, three directories");
  }

  @Test
  void aServerThatDropsOurMessagesIsServedItsOwn() throws Exception {
    cluster.dropsOurOwn = true;
    long made = client.newNames().makeDirectory(ROOT, bytes("d"));
    assertEquals(made, client.inodes().lookup(ROOT, bytes("d")));
    fails(ErrorCode.CANNOT_OVERRIDE_NAME, () -> client.newNames().makeDirectory(ROOT, bytes("d")));
    client.newNames().makeDirectory(ROOT, bytes("e"));
    assertEquals(2, asked(CdcKind.MAKE_DIRECTORY));
    assertEquals(1, asked(CdcKind.RENAME_FILE), "what shows that it is alive was asked once");
  }

  @Test
  void aServerThatIsDownIsNotTakenForAnOldOne() throws Exception {
    cluster.cdcDown = true;
    fails(ErrorCode.TIMEOUT, () -> client.newNames().makeDirectory(ROOT, bytes("d")));
    cluster.cdcDown = false;
    client.newNames().makeDirectory(ROOT, bytes("d"));
    assertEquals(0, asked(CdcKind.MAKE_DIRECTORY));
  }

  @Test
  void aServerThatComesBackWhileItIsAskedIsNotTakenForAnOldOne() throws Exception {
    cluster.cdcDown = true;
    Thread returning =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    // The first question has been given up by then; what shows life waits longer.
                    Thread.sleep(500);
                  } catch (InterruptedException e) {
                    return;
                  }
                  cluster.cdcDown = false;
                });
    client.newNames().makeDirectory(ROOT, bytes("d"));
    returning.join();
    assertEquals(0, asked(CdcKind.MAKE_DIRECTORY));
    assertTrue(asked(CdcKind.MAKE_NEW_DIRECTORY) >= 2);
  }

  @Test
  void anotherServerInItsPlaceIsNoticed() throws Exception {
    client.newNames().makeDirectory(ROOT, bytes("d"));
    cluster.dropsOurOwn = true;
    fails(ErrorCode.TIMEOUT, () -> client.newNames().makeDirectory(ROOT, bytes("e")));
    client.newNames().makeDirectory(ROOT, bytes("e"));
    assertEquals(1, asked(CdcKind.MAKE_DIRECTORY));
  }

  private void renamesReplaceNothing() throws Exception {
    long folder = client.inodes().mkdir(ROOT, bytes("folder"));
    long file = touch("/f");
    long rival = touch("/rival");
    long far = touch("/folder/far");
    byte[] f = bytes("f");
    fails(
        ErrorCode.CANNOT_OVERRIDE_NAME,
        () -> client.newNames().rename(ROOT, f, ROOT, bytes("rival")));
    fails(
        ErrorCode.CANNOT_OVERRIDE_NAME,
        () -> client.newNames().rename(ROOT, f, folder, bytes("far")));
    fails(ErrorCode.CANNOT_OVERRIDE_NAME, () -> client.newNames().rename(ROOT, f, ROOT, f));
    fails(
        ErrorCode.NAME_NOT_FOUND,
        () -> client.newNames().rename(ROOT, bytes("none"), ROOT, bytes("g")));
    assertEquals(file, client.inodes().lookup(ROOT, f));
    assertEquals(rival, client.inodes().lookup(ROOT, bytes("rival")));
    assertEquals(far, client.inodes().lookup(folder, bytes("far")));
    assertEquals(file, client.newNames().rename(ROOT, f, ROOT, bytes("g")));
    assertEquals(file, client.inodes().lookup(ROOT, bytes("g")));
    assertEquals(file, client.newNames().rename(ROOT, bytes("g"), folder, bytes("h")));
    assertEquals(file, client.inodes().lookup(folder, bytes("h")));
    assertEquals(folder, client.newNames().rename(ROOT, bytes("folder"), ROOT, bytes("moved")));
  }

  @Test
  void renamesThatReplaceNothing() throws Exception {
    renamesReplaceNothing();
    assertTrue(cluster.requests(ShardKind.SAME_DIRECTORY_RENAME_NO_REPLACE) >= 2);
    assertTrue(asked(CdcKind.RENAME_FILE_NO_REPLACE) >= 2);
    assertEquals(0, asked(CdcKind.RENAME_FILE));
  }

  @Test
  void renamesThatReplaceNothingOnServersThatDropOurMessages() throws Exception {
    cluster.dropsOurOwn = true;
    renamesReplaceNothing();
    assertFalse(cluster.cdcRequests.contains(CdcKind.RENAME_FILE_NO_REPLACE));
  }

  /** The new name exists because the first packet was carried out. */
  @Test
  void aRenameWhoseAnswerWasLostSucceeds() throws Exception {
    long file = touch("/f");
    cluster.loseFirstAnswerOf = List.of(ShardKind.SAME_DIRECTORY_RENAME_NO_REPLACE);
    assertEquals(file, client.newNames().rename(ROOT, bytes("f"), ROOT, bytes("g")));
    assertEquals(file, client.inodes().lookup(ROOT, bytes("g")));
    assertTrue(cluster.requests(ShardKind.COMMIT_FILE) >= 1, "a question");
    assertTrue(cluster.requests(ShardKind.SAME_DIRECTORY_RENAME_NO_REPLACE) >= 2, "two packets");
  }
}
