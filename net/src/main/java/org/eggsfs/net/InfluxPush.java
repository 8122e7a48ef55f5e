package org.eggsfs.net;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Sends measurements to InfluxDB again and again, in its line protocol over HTTP (gc.md section
 * 10): after each interval, a second after a failure, and once more at the end. What could not be
 * sent is not kept: counters only grow, so the next measurement tells the same. One virtual thread,
 * one request at a time, each bounded in time; nobody else waits for it but {@link #close}, for
 * four seconds at the most.
 */
public final class InfluxPush implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(InfluxPush.class.getName());
  private static final Duration RETRY = Duration.ofSeconds(1);
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** A process does not wait for its metrics when it ends. */
  private static final Duration LAST_TIMEOUT = Duration.ofSeconds(2);

  private static final int HTTP_OK_MIN = 200;
  private static final int HTTP_OK_MAX = 299;

  /**
   * Where measurements go.
   *
   * @param origin scheme, host and port, such as {@code http://influx:8086}
   * @param org the organisation
   * @param bucket the bucket
   */
  public record Target(URI origin, String org, String bucket) {
    /**
     * From the words of a command line.
     *
     * @throws IllegalArgumentException if the origin is not that of an HTTP server
     */
    public static Target parse(String origin, String org, String bucket) {
      try {
        URI uri = new URI(origin);
        boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (http && uri.getHost() != null) {
          return new Target(uri, org, bucket);
        }
      } catch (URISyntaxException e) {
        LOG.log(System.Logger.Level.DEBUG, "an origin that is none", e);
      }
      throw new IllegalArgumentException(
          origin + " is no origin; it should be like http://influx:8086");
    }

    private URI writing() {
      String base = origin.toString();
      return URI.create(
          (base.endsWith("/") ? base.substring(0, base.length() - 1) : base)
              + "/api/v2/write?org="
              + URLEncoder.encode(org, StandardCharsets.UTF_8)
              + "&bucket="
              + URLEncoder.encode(bucket, StandardCharsets.UTF_8)
              + "&precision=ns");
    }
  }

  /**
   * How often measurements are sent: random between the two, so that the processes of a cluster do
   * not send at the same moment.
   *
   * @param shortest at least a millisecond
   * @param longest not below the shortest
   */
  public record Interval(Duration shortest, Duration longest) {
    /** The one of {@code eggsgc}. */
    public static final Interval OF_DAEMONS =
        new Interval(Duration.ofSeconds(30), Duration.ofSeconds(30));

    /** The one of servers (blocks.md section 8). */
    public static final Interval OF_SERVERS =
        new Interval(Duration.ofSeconds(60), Duration.ofSeconds(120));

    /** Checks the values. */
    public Interval {
      if (shortest.toMillis() < 1 || longest.compareTo(shortest) < 0) {
        throw new IllegalArgumentException("from " + shortest + " to " + longest);
      }
    }

    private Duration next() {
      return Duration.ofMillis(
          ThreadLocalRandom.current().nextLong(shortest.toMillis(), longest.toMillis() + 1));
    }
  }

  /** Is told how it goes, by the thread that sends. */
  public interface Listener {
    /** It was accepted. */
    void sent();

    /** It was not, and is tried again. */
    void failed(String reason);
  }

  private final URI address;
  private final Interval interval;
  private final Supplier<List<Measurement>> source;
  private final Listener listener;
  private final HttpClient http;
  private final Thread thread;

  private InfluxPush(
      Target target, Interval interval, Supplier<List<Measurement>> source, Listener listener) {
    this.address = target.writing();
    this.interval = interval;
    this.source = source;
    this.listener = listener;
    this.http = HttpClient.newBuilder().connectTimeout(LAST_TIMEOUT).build();
    this.thread = Thread.ofVirtual().name("metrics").unstarted(this::run);
  }

  /**
   * Starts sending, the first time at once.
   *
   * @param source what to send now; called by the thread that sends
   */
  public static InfluxPush start(
      Target target, Interval interval, Supplier<List<Measurement>> source, Listener listener) {
    InfluxPush push = new InfluxPush(target, interval, source, listener);
    push.thread.start();
    return push;
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(attempt(TIMEOUT) ? interval.next() : RETRY);
      }
    } catch (InterruptedException e) {
      // Closed.
      Thread.currentThread().interrupt();
    }
  }

  private boolean attempt(Duration timeout) throws InterruptedException {
    try {
      send(timeout);
      listener.sent();
      return true;
    } catch (IOException e) {
      listener.failed(address.getAuthority() + " takes no metrics: " + e);
      return false;
    } catch (RuntimeException e) {
      // A source that fails once must not end the metrics of a process.
      LOG.log(System.Logger.Level.ERROR, "metrics cannot be told", e);
      listener.failed("metrics cannot be told: " + e);
      return false;
    }
  }

  private void send(Duration timeout) throws IOException, InterruptedException {
    Instant now = Instant.now();
    long timeNanos = now.getEpochSecond() * 1_000_000_000L + now.getNano();
    String lines =
        source.get().stream()
            .filter(Measurement::hasFields)
            .map(measurement -> measurement.line(timeNanos) + "\n")
            .collect(Collectors.joining());
    if (lines.isEmpty()) {
      return;
    }
    HttpRequest request =
        HttpRequest.newBuilder(address)
            .header("Content-Type", "text/plain; charset=utf-8")
            .POST(HttpRequest.BodyPublishers.ofString(lines))
            .build();
    int status = statusWithin(timeout, request);
    if (status < HTTP_OK_MIN || status > HTTP_OK_MAX) {
      throw new IOException("HTTP status " + status);
    }
  }

  /** The time limit of a request ends with the headers of its answer; this one is for the whole. */
  private int statusWithin(Duration timeout, HttpRequest request)
      throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<Void>> answer =
        http.sendAsync(request, HttpResponse.BodyHandlers.discarding());
    try {
      return answer.get(timeout.toMillis(), TimeUnit.MILLISECONDS).statusCode();
    } catch (TimeoutException e) {
      throw new HttpTimeoutException("no whole answer in " + timeout.toSeconds() + " s");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    } finally {
      answer.cancel(true);
    }
  }

  /** Sends once more, and stops. */
  @Override
  public void close() {
    thread.interrupt();
    try {
      thread.join();
      attempt(LAST_TIMEOUT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      http.shutdownNow();
    }
  }
}
