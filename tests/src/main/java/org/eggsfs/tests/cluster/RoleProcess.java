package org.eggsfs.tests.cluster;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One process of the cluster under test. It may be killed, stopped and continued, and started again
 * with the same arguments; a process that ends by itself is remembered, since no fault that we make
 * may end one. Thread-safe.
 */
public final class RoleProcess {
  private static final long READY_SECONDS_MAX = 120;
  private static final long STOP_SECONDS_MAX = 15;

  private final String name;
  private final String role;
  private final List<String> arguments;
  private final Path log;
  private final Path temporary;

  private final Map<String, String> environment;

  // Guarded by this.
  private Process process;
  private CompletableFuture<String> ready;
  private int starts;
  private boolean abandoned;
  private boolean endExpected;
  private String unexpectedEnd;

  RoleProcess(
      String name,
      String role,
      List<String> arguments,
      Path logs,
      Map<String, String> environment) {
    this.name = name;
    this.role = role;
    this.arguments = new ArrayList<>(arguments);
    this.log = logs.resolve(name + ".log");
    this.temporary = logs;
    this.environment = Map.copyOf(environment);
  }

  /** Its name in messages, e.g. {@code bs_03}. */
  public String name() {
    return name;
  }

  /** Where its standard error goes. */
  public Path log() {
    return log;
  }

  /** Replaces the value of an option for the next start. */
  synchronized void setOption(String option, String value) {
    int at = arguments.indexOf(option);
    if (at < 0) {
      throw new IllegalArgumentException(name + " has no option " + option);
    }
    arguments.set(at + 1, value);
  }

  /** Starts it; {@link #awaitReady} tells when it serves. */
  public synchronized void start() throws IOException {
    if (abandoned) {
      throw new IOException(name + " is not started any more");
    }
    if (process != null && process.isAlive()) {
      throw new IllegalStateException(name + " runs already");
    }
    List<String> command = new ArrayList<>(Launcher.command(role, temporary));
    command.addAll(arguments);
    Files.createDirectories(log.getParent());
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().remove("EGGS_SHUCKLE");
    builder.environment().putAll(environment);
    Process started = builder.start();
    CompletableFuture<String> readiness = new CompletableFuture<>();
    process = started;
    ready = readiness;
    endExpected = false;
    int number = ++starts;
    Thread.ofVirtual().name("follow-" + name).start(() -> follow(started, number, readiness));
  }

  private void follow(Process followed, int number, CompletableFuture<String> readiness) {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(followed.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("ready")) {
          readiness.complete(line);
        }
      }
    } catch (IOException e) {
      // A killed process takes its pipe with it.
      readiness.completeExceptionally(e);
    }
    try {
      ended(number, followed.waitFor());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    readiness.completeExceptionally(new IOException(name + " ended; see " + log));
  }

  private synchronized void ended(int number, int code) {
    if (number == starts && !endExpected) {
      unexpectedEnd = name + " ended by itself with code " + code + "; see " + log;
    }
  }

  /** Waits until it has said that it is ready; the result is that line. */
  public String awaitReady() throws IOException, InterruptedException {
    CompletableFuture<String> readiness;
    synchronized (this) {
      readiness = ready;
    }
    try {
      return readiness.get(READY_SECONDS_MAX, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new IOException(name + " did not become ready: " + e.getCause().getMessage(), e);
    } catch (TimeoutException e) {
      throw new IOException(
          name + " was not ready after " + READY_SECONDS_MAX + " s; see " + log, e);
    }
  }

  /** SIGKILL, and waits for the end. */
  public void kill() throws InterruptedException {
    Process killed;
    synchronized (this) {
      endExpected = true;
      killed = process;
    }
    if (killed != null) {
      killed.destroyForcibly().waitFor();
    }
  }

  /** SIGSTOP: it holds its sockets and answers nothing. */
  public void pause() throws IOException, InterruptedException {
    signal("STOP");
  }

  /** SIGCONT. */
  public void resume() throws IOException, InterruptedException {
    signal("CONT");
  }

  private void signal(String signal) throws IOException, InterruptedException {
    long pid;
    synchronized (this) {
      if (process == null || !process.isAlive()) {
        throw new IOException(name + " does not run");
      }
      pid = process.pid();
    }
    int code = new ProcessBuilder("sh", "-c", "kill -" + signal + " " + pid).start().waitFor();
    if (code != 0) {
      throw new IOException("kill -" + signal + " of " + name + " ended with " + code);
    }
  }

  /** Whether the process exists. */
  public synchronized boolean isAlive() {
    return process != null && process.isAlive();
  }

  /** Resident memory in bytes as the kernel tells it, 0 when it does not run. */
  public long residentBytes() {
    long pid;
    synchronized (this) {
      if (process == null) {
        return 0;
      }
      pid = process.pid();
    }
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith("VmRSS:")) {
          return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
        }
      }
      return 0;
    } catch (IOException | UncheckedIOException e) {
      return 0;
    }
  }

  /** What it did wrong, or null: an end that nobody asked for. */
  public synchronized String unexpectedEnd() {
    return unexpectedEnd;
  }

  /** Kills it and never starts it again. */
  synchronized void abandon() {
    abandoned = true;
    endExpected = true;
    if (process != null) {
      process.destroyForcibly();
    }
  }

  /** SIGTERM; SIGKILL when that takes too long. */
  void stop() {
    Process stopped;
    synchronized (this) {
      endExpected = true;
      stopped = process;
    }
    if (stopped == null) {
      return;
    }
    stopped.destroy();
    try {
      if (!stopped.waitFor(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
        stopped.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      stopped.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
