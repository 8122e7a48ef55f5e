package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.struct.StripePolicy;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** Path operations, policies, lost answers and the tree walk against the fake cluster. */
final class PathOperationsTest {
  private FakeCluster cluster;
  private EggsClient client;

  @BeforeEach
  void start() throws Exception {
    cluster = new FakeCluster(6);
    client = cluster.connect();
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    cluster.close();
  }

  private long touch(String path) throws Exception {
    try (FileWriter writer = client.paths().create(path)) {
      return writer.commit();
    }
  }

  private static List<String> names(List<org.eggsfs.protocol.struct.CurrentEdge> edges) {
    List<String> names = new ArrayList<>();
    edges.forEach(e -> names.add(new String(e.name(), StandardCharsets.UTF_8)));
    return names;
  }

  @Test
  void pathsAreCleanedBeforeTheyAreLookedUp() throws Exception {
    long dir = client.paths().mkdirs("/a/b");
    assertEquals(dir, client.paths().resolve("/a//./b/").id());
    assertEquals(dir, client.paths().resolve("/a/nowhere/../b").id());
    assertEquals(InodeIds.ROOT, client.paths().resolve("/").id());
    assertEquals(InodeIds.ROOT, client.paths().resolve("/../..").id());
    assertThrows(IllegalArgumentException.class, () -> client.paths().resolve("a/b"));
    assertEquals(dir, client.paths().mkdirs("/a/b"), "mkdirs of what exists");
  }

  @Test
  void errorsNameThePathThatFailed() throws Exception {
    client.paths().mkdirs("/a");
    touch("/a/file");
    EggsException e = assertThrows(EggsException.class, () -> client.paths().stat("/a/x/y"));
    assertEquals(ErrorCode.NAME_NOT_FOUND, e.code());
    assertTrue(e.getMessage().contains("/a/x") && !e.getMessage().contains("/a/x/y"));
    e = assertThrows(EggsException.class, () -> client.paths().stat("/a/file/y"));
    assertEquals(ErrorCode.TYPE_IS_NOT_DIRECTORY, e.code());
    e = assertThrows(EggsException.class, () -> client.paths().unlink("/a"));
    assertEquals(ErrorCode.TYPE_IS_DIRECTORY, e.code());
    e = assertThrows(EggsException.class, () -> client.paths().rmdir("/a/file"));
    assertEquals(ErrorCode.TYPE_IS_NOT_DIRECTORY, e.code());
    e = assertThrows(EggsException.class, () -> client.paths().open("/a"));
    assertEquals(ErrorCode.TYPE_IS_DIRECTORY, e.code());
    e = assertThrows(EggsException.class, () -> client.paths().mkdir("/"));
    assertEquals(ErrorCode.BAD_NAME, e.code());
  }

  @Test
  void listingsFollowPages() throws Exception {
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      touch("/n" + (char) ('a' + i));
      expected.add("n" + (char) ('a' + i));
    }
    assertEquals(expected, names(client.paths().list("/")));
    assertEquals(4, cluster.requests(ShardKind.READ_DIR));
  }

  @Test
  void symlinksShortAndLong() throws Exception {
    client.paths().symlink("target/of/link", "/short");
    assertEquals("target/of/link", client.paths().readlink("/short"));
    String target = "x".repeat(300);
    long id = client.paths().symlink(target, "/long");
    assertTrue(InodeIds.isSymlink(id));
    assertEquals(target, client.paths().readlink("/long"));
    touch("/file");
    EggsException e = assertThrows(EggsException.class, () -> client.paths().readlink("/file"));
    assertEquals(ErrorCode.MISMATCHING_TARGET, e.code());
    e = assertThrows(EggsException.class, () -> client.paths().readlink("/"));
    assertEquals(ErrorCode.TYPE_IS_DIRECTORY, e.code());
  }

  @Test
  void namesNeedNotBeUtf8() throws Exception {
    byte[] name = {(byte) 0xff, (byte) 0xfe, 'x'};
    try (FileWriter writer = client.files().create(InodeIds.ROOT, name)) {
      writer.write(1);
      long id = writer.commit();
      assertEquals(id, client.inodes().lookup(InodeIds.ROOT, name));
    }
    assertArrayEquals(name, client.paths().list("/").getFirst().name());
    client.inodes().unlink(InodeIds.ROOT, name);
    assertTrue(client.paths().list("/").isEmpty());
  }

  /** One of the two ways to give a file its name; not the question whether both are known. */
  private static boolean isLink(Message request) {
    return request instanceof LinkFileRequest
        || (request instanceof CommitFileRequest commit && !commit.mustBeNew());
  }

  @Test
  void whatALockRefusesIsTriedAgain() throws Exception {
    AtomicInteger refusals = new AtomicInteger(3);
    cluster.hook =
        request -> {
          if (isLink(request) && refusals.getAndDecrement() > 0) {
            throw new EggsException(ErrorCode.NAME_IS_LOCKED);
          }
        };
    long id = touch("/locked");
    assertEquals(id, client.paths().resolve("/locked").id());
    cluster.hook =
        request -> {
          if (isLink(request)) {
            throw new EggsException(ErrorCode.MTIME_IS_TOO_RECENT);
          }
        };
    EggsException e = assertThrows(EggsException.class, () -> touch("/never"));
    assertEquals(ErrorCode.MTIME_IS_TOO_RECENT, e.code());
  }

  @Test
  void lostAnswersOfRenameAndUnlinkAreUnderstood() throws Exception {
    long id = touch("/old");
    cluster.loseFirstAnswerOf =
        List.of(ShardKind.SAME_DIRECTORY_RENAME, ShardKind.SOFT_UNLINK_FILE);
    client.paths().rename("/old", "/new");
    assertEquals(id, client.paths().resolve("/new").id());
    client.paths().unlink("/new");
    assertThrows(EggsException.class, () -> client.paths().resolve("/new"));
    // Once for each of the two; a slow machine may make the client ask again.
    assertTrue(cluster.requests(ShardKind.FULL_READ_DIR) >= 2);
  }

  @Test
  void anEdgeThatIsGoneAtTheFirstAttemptIsAnError() throws Exception {
    touch("/file");
    cluster.hook =
        request -> {
          if (request instanceof org.eggsfs.protocol.shard.SoftUnlinkFileRequest) {
            throw new EggsException(ErrorCode.EDGE_NOT_FOUND);
          }
        };
    EggsException e = assertThrows(EggsException.class, () -> client.paths().unlink("/file"));
    assertEquals(ErrorCode.EDGE_NOT_FOUND, e.code());
    assertEquals(0, cluster.requests(ShardKind.FULL_READ_DIR));
  }

  @Test
  void everyAnswerOfAWriteMayBeLostOnce() throws Exception {
    cluster.loseFirstAnswerOf =
        List.of(
            ShardKind.CONSTRUCT_FILE,
            ShardKind.ADD_INLINE_SPAN,
            ShardKind.ADD_SPAN_INITIATE,
            ShardKind.ADD_SPAN_INITIATE_WITH_REFERENCE,
            ShardKind.ADD_SPAN_CERTIFY,
            ShardKind.MOVE_SPAN,
            ShardKind.LINK_FILE,
            ShardKind.COMMIT_FILE);
    byte[] data = FileRoundTripTest.data(3 * (256 << 10) + 100, 31);
    try (FileWriter writer = client.paths().create("/f")) {
      writer.write(data);
      writer.commit();
    }
    try (FileReader reader = client.paths().open("/f")) {
      assertArrayEquals(data, reader.stream().readAllBytes());
    }
  }

  @Test
  void policiesAreInheritedWithOneWalkAndCached() throws Exception {
    long deep = client.paths().mkdirs("/p/q/r");
    int before = cluster.requests(ShardKind.STAT_DIRECTORY);
    DirectoryPolicies policies = client.inodes().policies(deep);
    assertEquals(4, cluster.requests(ShardKind.STAT_DIRECTORY) - before, "r, q, p and the root");
    assertEquals(InodeIds.ROOT, policies.sources().get(DirectoryInfoTag.STRIPE));
    client.inodes().policies(deep);
    assertEquals(4, cluster.requests(ShardKind.STAT_DIRECTORY) - before);

    long middle = client.paths().resolve("/p/q").id();
    client
        .inodes()
        .setPolicy(
            middle,
            DirectoryInfoTag.STRIPE,
            FakeCluster.entry(DirectoryInfoTag.STRIPE, new StripePolicy(12345)).body());
    policies = client.inodes().policies(deep);
    assertEquals(12345, policies.stripe().targetStripeSize());
    assertEquals(middle, policies.sources().get(DirectoryInfoTag.STRIPE));
    assertEquals(InodeIds.ROOT, policies.sources().get(DirectoryInfoTag.SPAN));
    client.inodes().setPolicy(middle, DirectoryInfoTag.STRIPE, null);
    assertEquals(65536, client.inodes().policies(deep).stripe().targetStripeSize());
  }

  @Test
  void policiesThatCannotBeUsedAreRefused() throws Exception {
    client.inodes().setPolicy(InodeIds.ROOT, DirectoryInfoTag.STRIPE, null);
    EggsException e =
        assertThrows(EggsException.class, () -> client.inodes().policies(InodeIds.ROOT));
    assertEquals(ErrorCode.BAD_DIRECTORY_INFO, e.code());
    client.inodes().setPolicy(InodeIds.ROOT, DirectoryInfoTag.STRIPE, new byte[] {1, 2, 3});
    e = assertThrows(EggsException.class, () -> client.paths().create("/x"));
    assertEquals(ErrorCode.BAD_DIRECTORY_INFO, e.code());
  }

  @Test
  void aWalkSeesEverything() throws Exception {
    Set<String> expected = new TreeSet<>();
    for (int i = 0; i < 12; i++) {
      client.paths().mkdirs("/w/d" + i + "/sub");
      expected.add("/w/d" + i);
      expected.add("/w/d" + i + "/sub");
      for (int f = 0; f < 5; f++) {
        touch("/w/d" + i + "/sub/f" + f);
        expected.add("/w/d" + i + "/sub/f" + f);
      }
    }
    Set<String> seen = new ConcurrentSkipListSet<>();
    TreeWalk.walk(
        client,
        client.paths().resolve("/w").id(),
        "/w",
        visit -> {
          assertTrue(visit.current());
          assertTrue(seen.add(visit.path()), "visited twice: " + visit.path());
          return true;
        });
    assertEquals(expected, seen);
  }

  @Test
  void aWalkToleratesVanishedDirectoriesAndReportsTheRest() throws Exception {
    long gone = client.paths().mkdirs("/w/gone");
    long broken = client.paths().mkdirs("/w/broken");
    touch("/w/gone/a");
    touch("/w/broken/a");
    long top = client.paths().resolve("/w").id();
    cluster.hook =
        request -> {
          if (request instanceof ReadDirRequest r && r.dirId() == gone) {
            throw new EggsException(ErrorCode.DIRECTORY_NOT_FOUND);
          }
        };
    AtomicInteger visits = new AtomicInteger();
    TreeWalk.walk(client, top, "/w", visit -> visits.incrementAndGet() > 0);
    assertEquals(3, visits.get());

    cluster.hook =
        request -> {
          if (request instanceof ReadDirRequest r && r.dirId() == broken) {
            throw new EggsException(ErrorCode.INTERNAL_ERROR);
          }
        };
    IOException e =
        assertThrows(IOException.class, () -> TreeWalk.walk(client, top, "/w", visit -> true));
    assertTrue(e.getMessage().contains("/w/broken"), e.getMessage());

    cluster.hook = request -> {};
    assertThrows(
        IOException.class,
        () ->
            TreeWalk.walk(
                client,
                top,
                "/w",
                visit -> {
                  throw new IllegalStateException("visitor fails");
                }));
  }

  @Test
  @Timeout(60)
  void aWalkThatIsInterruptedHasEndedWhenItReturns() throws Exception {
    for (int i = 0; i < 3; i++) {
      touch("/f" + i);
    }
    AtomicInteger visits = new AtomicInteger();
    AtomicInteger visiting = new AtomicInteger();
    CountDownLatch begun = new CountDownLatch(1);
    AtomicInteger stillVisiting = new AtomicInteger();
    CompletableFuture<Exception> outcome = new CompletableFuture<>();
    Thread walker =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    TreeWalk.walk(
                        client,
                        InodeIds.ROOT,
                        "/",
                        visit -> {
                          visits.incrementAndGet();
                          visiting.incrementAndGet();
                          begun.countDown();
                          lingerAfterInterrupt();
                          visiting.decrementAndGet();
                          return true;
                        });
                  } catch (IOException e) {
                    stillVisiting.set(visiting.get());
                    outcome.complete(e);
                  }
                });
    begun.await();
    walker.interrupt();
    assertInstanceOf(InterruptedIOException.class, outcome.get());
    assertEquals(0, stillVisiting.get());
    assertEquals(1, visits.get(), "no further edge of the page is begun");
  }

  private static void lingerAfterInterrupt() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      LockSupport.parkNanos(200_000_000);
    }
  }

  /** The code alone does not say which server was silent, or what was wrong with an answer. */
  @Test
  void errorsKeepWhatIsKnownBeyondTheirCode() throws Exception {
    cluster.hook =
        request -> {
          if (request instanceof LookupRequest || request instanceof StatDirectoryRequest) {
            throw new EggsException(ErrorCode.INTERNAL_ERROR);
          }
        };
    for (Executable call :
        List.<Executable>of(
            () -> client.paths().resolve("/a"), () -> client.inodes().policies(InodeIds.ROOT))) {
      EggsException e = assertThrows(EggsException.class, call);
      assertEquals(ErrorCode.INTERNAL_ERROR, e.code());
      assertInstanceOf(EggsException.class, e.getCause());
    }
  }

  @Test
  void aLookupOfAMissingNameCostsOneRequest() throws Exception {
    AtomicInteger lookups = new AtomicInteger();
    cluster.hook =
        request -> {
          if (request instanceof LookupRequest) {
            lookups.incrementAndGet();
          }
        };
    assertThrows(EggsException.class, () -> client.paths().resolve("/missing"));
    assertEquals(1, lookups.get());
  }
}
