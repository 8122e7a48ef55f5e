package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.tests.cluster.Mount;

/**
 * Watches calls on mounts. A thread that waits in the kernel for a file system cannot be
 * interrupted, so when a call takes longer than anything that is documented, the mounts are taken
 * away, whereupon it ends with an error, and the scenario fails.
 */
final class HangWatch implements AutoCloseable {
  /** Twice the documented limit of a call, and time for a busy machine. */
  private static final long SECONDS_MAX = 180;

  private static final long POLL_MILLIS = 500;

  private record Begun(String what, long nanos) {}

  /** A call on a mount. */
  interface Call<T> {
    /** Does it. */
    T run() throws IOException;
  }

  private final List<Mount> mounts;
  private final Map<Thread, Begun> running = new ConcurrentHashMap<>();
  private final List<String> hung = new ArrayList<>();
  private final AtomicLong longestNanos = new AtomicLong();
  private final Thread thread;
  private volatile boolean closed;

  HangWatch(List<Mount> mounts) {
    this.mounts = List.copyOf(mounts);
    this.thread = Thread.ofPlatform().daemon().name("hang-watch").start(this::watch);
  }

  /** Makes a call, which must end. */
  <T> T call(String what, Call<T> call) throws IOException {
    long start = System.nanoTime();
    running.put(Thread.currentThread(), new Begun(what, start));
    try {
      return call.run();
    } finally {
      running.remove(Thread.currentThread());
      longestNanos.accumulateAndGet(System.nanoTime() - start, Math::max);
    }
  }

  private void watch() {
    try {
      while (!closed) {
        Thread.sleep(POLL_MILLIS);
        for (Begun call : running.values()) {
          if (System.nanoTime() - call.nanos() > TimeUnit.SECONDS.toNanos(SECONDS_MAX)) {
            end(call);
            return;
          }
        }
      }
    } catch (InterruptedException | IOException e) {
      synchronized (hung) {
        hung.add("the watch broke: " + e);
      }
    }
  }

  private void end(Begun call) throws IOException, InterruptedException {
    synchronized (hung) {
      hung.add(call.what() + " did not end within " + SECONDS_MAX + " s");
    }
    for (Mount mount : mounts) {
      mount.abort();
    }
  }

  /** Fails if a call hung; else counts the longest one. */
  void check(Run run) throws Failure {
    synchronized (hung) {
      Failure.unless(hung.isEmpty(), String.join("; ", hung));
    }
    run.count("ms longest call", TimeUnit.NANOSECONDS.toMillis(longestNanos.get()));
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
