package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: at the limit of connections an idle one makes room, one that works does not. Method: a
 * server that takes three, whose idle time is short.
 */
class ConnectionLimitTest {
  private static final long NOW = 1_700_000_000_000_000_000L;
  private static final long IDLE_NANOS = 200_000_000L;

  @TempDir(factory = MemoryDirectory.class)
  Path directory;

  private BlockServer server;
  private long service;

  @BeforeEach
  void start() throws IOException {
    server =
        BlockServer.start(
            BlockServerConfig.of(
                    List.of(new BlockServerConfig.Disk(directory, StorageClass.FLASH)),
                    "domain",
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    List.of())
                .withClock(() -> NOW, 60_000_000_000L)
                .withWatch(3, IDLE_NANOS, DiskTimes.STANDARD));
    service = server.serviceIds().getFirst();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private String ask(Peer peer) throws IOException {
    return peer.fetch(service, NOW, 4096);
  }

  @Test
  void theLongestIdleConnectionMakesRoom() throws Exception {
    try (Peer first = new Peer(server);
        Peer second = new Peer(server);
        Peer third = new Peer(server)) {
      for (Peer peer : List.of(second, third, first)) {
        assertEquals("BLOCK_NOT_FOUND", ask(peer));
        Await.until(() -> server.idleCount() == 3);
      }
      Thread.sleep(2 * IDLE_NANOS / 1_000_000);
      assertEquals("BLOCK_NOT_FOUND", ask(third));
      try (Peer fourth = new Peer(server)) {
        assertEquals("BLOCK_NOT_FOUND", ask(fourth));
        assertEquals(Peer.CLOSED, ask(second), "it was idle longest");
        assertEquals("BLOCK_NOT_FOUND", ask(third));
        assertEquals("BLOCK_NOT_FOUND", ask(first));
      }
    }
  }

  @Test
  void withoutAnIdleOneTheNewConnectionIsClosed() throws Exception {
    byte[] data = new byte[8192];
    try (Peer first = new Peer(server);
        Peer second = new Peer(server);
        Peer third = new Peer(server)) {
      List<Peer> writers = List.of(first, second, third);
      for (int i = 0; i < writers.size(); i++) {
        byte[] request = writers.get(i).writeRequest(service, NOW + 256L * i, data);
        writers.get(i).send(Arrays.copyOf(request, request.length - 1));
      }
      Await.until(() -> server.idleCount() == 0);
      Thread.sleep(2 * IDLE_NANOS / 1_000_000);
      try (Peer fourth = new Peer(server)) {
        assertEquals(Peer.CLOSED, ask(fourth));
      }
      for (Peer writer : writers) {
        writer.send(new byte[1]);
        assertEquals(Peer.OK, writer.answer(8));
      }
    }
    Await.until(
        () -> {
          try (Peer later = new Peer(server)) {
            return ask(later).equals(Peer.OK);
          }
        });
  }
}
