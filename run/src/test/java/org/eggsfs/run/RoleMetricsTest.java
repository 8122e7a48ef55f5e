package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eggsfs.cli.ExitCodes;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: each server role that is told of an InfluxDB sends its metrics there, and serves whether or
 * not anybody takes them. Method: the roles as from the command line, until a process of ours ends.
 */
class RoleMetricsTest {
  private static final long WAIT_SECONDS_MAX = 120;

  @TempDir private Path folder;
  private final BlockingQueue<String> received = new LinkedBlockingQueue<>();
  private HttpServer influx;
  private Process life;

  @BeforeEach
  void start() throws IOException {
    influx = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    influx.createContext(
        "/api/v2/write",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          received.add(new String(body, StandardCharsets.UTF_8));
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    influx.start();
    life = new ProcessBuilder("sleep", "1000").start();
  }

  @AfterEach
  void stop() {
    life.destroyForcibly();
    influx.stop(0);
  }

  private CompletableFuture<Integer> startRole(String role, String... own) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--with-process",
                Long.toString(life.pid()),
                "--addr",
                "127.0.0.1:0",
                "--shuckle",
                "127.0.0.1:1",
                "--influx-db-origin",
                "http://127.0.0.1:" + influx.getAddress().getPort(),
                "--influx-db-org",
                "o",
                "--influx-db-bucket",
                "b"));
    arguments.addAll(List.of(own));
    CompletableFuture<Integer> ended = new CompletableFuture<>();
    Thread.ofPlatform()
        .name(role)
        .daemon()
        .start(() -> ended.complete(Eggs.start(role, arguments.toArray(String[]::new))));
    return ended;
  }

  private void sendsUntilItsEnd(String expected, String role, String... own) throws Exception {
    CompletableFuture<Integer> ended = startRole(role, own);
    String lines = received.poll(WAIT_SECONDS_MAX, TimeUnit.SECONDS);
    assertTrue(lines != null && lines.contains(expected), role + ": " + lines);
    life.destroyForcibly();
    assertEquals(ExitCodes.OK, ended.get(WAIT_SECONDS_MAX, TimeUnit.SECONDS), role);
  }

  private String data() {
    return folder.resolve("data").toString();
  }

  @Test
  void shards() throws Exception {
    sendsUntilItsEnd(
        "eggsfs_shard_log,shards=3 entries=0i,batches=0i ",
        "shard",
        "--data-dir",
        data(),
        "--shard",
        "3");
  }

  @Test
  void cdc() throws Exception {
    sendsUntilItsEnd("eggsfs_cdc_transactions in_flight=0i,", "cdc", "--data-dir", data());
  }

  @Test
  void shuckle() throws Exception {
    sendsUntilItsEnd("eggsfs_shuckle_connections open=", "shuckle", "--data-dir", data());
  }

  @Test
  void blocks() throws Exception {
    sendsUntilItsEnd(
        ",failuredomain=rack-7,pathprefix=host,storageclass=HDD capacity=",
        "blocks",
        "--failure-domain",
        "rack 7",
        "--path-prefix",
        "host",
        data(),
        "HDD");
  }

  @Test
  void aServerServesAndEndsWithoutAnInfluxDb() throws Exception {
    influx.stop(0);
    CompletableFuture<Integer> ended = startRole("shuckle", "--data-dir", data());
    life.destroyForcibly();
    assertEquals(ExitCodes.OK, ended.get(WAIT_SECONDS_MAX, TimeUnit.SECONDS));
  }
}
