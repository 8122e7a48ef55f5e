package org.eggsfs.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Goal: InfluxDB gets lines that it understands, and what it refuses is told and sent again. */
class InfluxPushTest {
  private final BlockingQueue<String> received = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
  private final AtomicInteger refusals = new AtomicInteger();
  private HttpServer server;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          received.add(exchange.getRequestMethod() + " " + exchange.getRequestURI() + "\n" + body);
          exchange.sendResponseHeaders(refusals.getAndDecrement() > 0 ? 503 : 204, -1);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private InfluxPush push(List<Measurement> measurements) {
    return push(InfluxPush.Interval.OF_SERVERS, () -> measurements);
  }

  private InfluxPush push(InfluxPush.Interval interval, Supplier<List<Measurement>> source) {
    return push(server.getAddress().getPort(), interval, source);
  }

  private InfluxPush push(
      int port, InfluxPush.Interval interval, Supplier<List<Measurement>> source) {
    return InfluxPush.start(
        InfluxPush.Target.parse("http://127.0.0.1:" + port, "the org", "b&c"),
        interval,
        source,
        new InfluxPush.Listener() {
          @Override
          public void sent() {
            told.add("sent");
          }

          @Override
          public void failed(String reason) {
            told.add(reason);
          }
        });
  }

  @Test
  void linesAreSentAtOnceAndAtTheEnd() throws Exception {
    InfluxPush push =
        push(
            List.of(
                new Measurement("eggsfs_gc").field("a", 1).field("b", -2),
                new Measurement("empty").tag("x", "y"),
                new Measurement("eggsfs_files")
                    .tag("shard", "7")
                    .tag("none", "")
                    .tag("odd", "a b,c=d\ne")
                    .field("count", 3)));
    String request = received.take();
    assertEquals("sent", told.take());
    push.close();
    String[] lines = request.split("\n");
    assertEquals("POST /api/v2/write?org=the+org&bucket=b%26c&precision=ns", lines[0]);
    assertTrue(lines[1].matches("eggsfs_gc a=1i,b=-2i \\d{19}"), lines[1]);
    assertTrue(
        lines[2].matches("eggsfs_files,shard=7,odd=a\\\\ b\\\\,c\\\\=d\\\\ e count=3i \\d{19}"),
        lines[2]);
    assertEquals(3, lines.length);
    assertEquals("sent", told.take());
    assertEquals(request.split(" \\d{19}")[0], received.take().split(" \\d{19}")[0]);
    assertTrue(received.isEmpty());
  }

  @Test
  void aRefusalIsToldAndTriedAgain() throws Exception {
    refusals.set(1);
    try (InfluxPush _ = push(List.of(new Measurement("m").field("a", 1)))) {
      String first = told.take();
      assertTrue(first.contains("503"), first);
      assertEquals("sent", told.take());
    }
  }

  @Test
  void isSentAgainAfterAnInterval() throws Exception {
    InfluxPush.Interval often = new InfluxPush.Interval(Duration.ofMillis(1), Duration.ofMillis(3));
    AtomicLong count = new AtomicLong();
    try (InfluxPush _ =
        push(often, () -> List.of(new Measurement("m").field("a", count.incrementAndGet())))) {
      for (int i = 1; i <= 5; i++) {
        String line = received.take().split("\n")[1];
        assertTrue(line.startsWith("m a=" + i + "i "), line);
      }
    }
  }

  @Test
  void aSourceThatFailsIsToldAndAskedAgain() throws Exception {
    AtomicInteger failures = new AtomicInteger(1);
    try (InfluxPush _ =
        push(
            InfluxPush.Interval.OF_SERVERS,
            () -> {
              if (failures.getAndDecrement() > 0) {
                throw new IllegalStateException("nothing is known");
              }
              return List.of(new Measurement("m").field("a", 1));
            })) {
      String first = told.take();
      assertTrue(first.contains("nothing is known"), first);
      assertEquals("sent", told.take());
    }
  }

  @Test
  void intervalsHaveAnOrder() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new InfluxPush.Interval(Duration.ofSeconds(2), Duration.ofSeconds(1)));
    assertThrows(
        IllegalArgumentException.class,
        () -> new InfluxPush.Interval(Duration.ZERO, Duration.ofSeconds(1)));
  }

  @Test
  void nobodyThereIsTold() throws Exception {
    server.stop(0);
    try (InfluxPush _ = push(List.of(new Measurement("m").field("a", 1)))) {
      assertFalse(told.take().equals("sent"));
    }
  }

  /** A process that ends waits for its metrics; it must not do so for ever. */
  @Test
  @Timeout(60)
  void anAnswerThatNeverEndsIsGivenUp() throws Exception {
    List<Socket> accepted = new CopyOnWriteArrayList<>();
    try (ServerSocket stalling = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  while (true) {
                    Socket socket = stalling.accept();
                    accepted.add(socket);
                    socket.getInputStream().read(new byte[4096]);
                    socket
                        .getOutputStream()
                        .write(
                            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII));
                    received.add("stalled");
                  }
                } catch (IOException e) {
                  received.add("closed");
                }
              });
      InfluxPush push =
          push(
              stalling.getLocalPort(),
              InfluxPush.Interval.OF_SERVERS,
              () -> List.of(new Measurement("m").field("a", 1)));
      received.take();
      push.close();
      String reason = told.take();
      assertTrue(reason.contains("no whole answer"), reason);
    } finally {
      for (Socket socket : accepted) {
        socket.close();
      }
    }
  }

  @Test
  void originsAreThoseOfHttpServers() {
    for (String bad : new String[] {"", "influx:8086", "http:influx", "ftp://a", "http://a b"}) {
      assertThrows(
          IllegalArgumentException.class, () -> InfluxPush.Target.parse(bad, "o", "b"), bad);
    }
  }
}
