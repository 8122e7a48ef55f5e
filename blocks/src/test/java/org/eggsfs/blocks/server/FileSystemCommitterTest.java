package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.eggsfs.blocks.disk.DiskFiles;
import org.eggsfs.blocks.disk.SystemFiles;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: what comes together shares a sync, and nobody waits for what does not come. Method: syncs
 * that end when the test lets them, and a time to gather that a slow machine does not exceed.
 */
class FileSystemCommitterTest {
  private static final long LONG_NANOS = TimeUnit.HOURS.toNanos(1);

  /** After that something does not come at all. */
  private static final long PATIENCE_SECONDS = 30;

  @TempDir Path disk;
  private final Semaphore begun = new Semaphore(0);
  private final Semaphore mayEnd = new Semaphore(0);
  private FileSystemCommitter committer;
  private boolean noThread;
  private volatile boolean fails;

  private void start(long gatherNanos) throws IOException {
    SystemFiles real = new SystemFiles();
    DiskFiles files =
        (DiskFiles)
            Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {DiskFiles.class},
                (_, method, arguments) -> {
                  if (!method.getName().equals("syncFileSystem")) {
                    return method.invoke(real, arguments);
                  }
                  begun.release();
                  mayEnd.acquireUninterruptibly();
                  if (fails) {
                    throw new IOException("Input/output error");
                  }
                  return null;
                });
    committer =
        new FileSystemCommitter(files, new ThreadStarter(this::startThread), disk, gatherNanos);
  }

  private void startThread(Thread thread) {
    if (noThread) {
      throw new OutOfMemoryError("unable to create native thread");
    }
    thread.start();
  }

  @AfterEach
  void close() {
    mayEnd.release(1000);
    committer.close();
  }

  private CompletableFuture<Void> submit() {
    return committer.commit(() -> {}, committer.generation());
  }

  private List<CompletableFuture<Void>> submit(int count) {
    List<CompletableFuture<Void>> tasks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      tasks.add(submit());
    }
    return tasks;
  }

  private static void join(List<CompletableFuture<Void>> tasks) {
    tasks.forEach(CompletableFuture::join);
  }

  @Test
  void whatCameTogetherOnceIsWaitedForTheNextTime() throws Exception {
    start(LONG_NANOS);
    // The first goes alone, the others come a moment too late.
    CompletableFuture<Void> first = submit();
    begun.acquire();
    List<CompletableFuture<Void>> others = submit(4);
    mayEnd.release();
    first.join();
    // As many as were missed are there at once; it would have been five.
    List<CompletableFuture<Void>> fifth = submit(1);
    begun.acquire();
    mayEnd.release();
    join(others);
    join(fifth);
    // From now on they share one: no sync begins before the last is there.
    List<CompletableFuture<Void>> tasks = submit(4);
    assertFalse(begun.tryAcquire(200, TimeUnit.MILLISECONDS));
    tasks.add(submit());
    begun.acquire();
    mayEnd.release();
    join(tasks);
    assertEquals(0, begun.availablePermits());
  }

  @Test
  void whoComesAloneWaitsOnlyOnce() throws Exception {
    start(TimeUnit.MILLISECONDS.toNanos(50));
    List<CompletableFuture<Void>> tasks = submit(1);
    begun.acquire();
    tasks.addAll(submit(2));
    mayEnd.release(2);
    join(tasks);
    // Nobody else comes: the time is over some time, and then one is enough.
    mayEnd.release(2);
    submit().join();
    committer.close();
    assertTrue(begun.tryAcquire(2), "each had its sync");
    start(LONG_NANOS);
    mayEnd.release(2);
    submit().join();
    submit().join();
  }

  @Test
  void whatFailsIsToldWithoutTheLock() throws Exception {
    start(0);
    fails = true;
    List<CompletableFuture<Void>> tasks = submit(1);
    begun.acquire();
    tasks.addAll(submit(3));
    // As others do meanwhile: they need the lock, and are done before the next is told.
    List<CompletableFuture<Long>> generations =
        tasks.stream()
            .map(
                task ->
                    task.handle(
                        (ok, failure) ->
                            CompletableFuture.supplyAsync(
                                    () ->
                                        failure == null
                                            ? -1
                                            : committer.generation()
                                                + committer.syncingNanos(System.nanoTime()))
                                .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
                                .join()))
            .toList();
    mayEnd.release();
    for (CompletableFuture<Long> generation : generations) {
      assertEquals(1, generation.join());
    }
    fails = false;
    mayEnd.release();
    submit().join();
  }

  @Test
  void withoutAThreadOneFailsAndTheNextTriesAgain() throws Exception {
    start(0);
    noThread = true;
    for (CompletableFuture<Void> task : submit(2)) {
      CompletionException failure = assertThrows(CompletionException.class, task::join);
      assertInstanceOf(IOException.class, failure.getCause());
    }
    noThread = false;
    mayEnd.release();
    submit().join();
    assertEquals(1, begun.availablePermits());
  }

  @Test
  void closingDoesWhatWasAskedForAtOnce() throws Exception {
    start(LONG_NANOS);
    CompletableFuture<Void> first = submit();
    begun.acquire();
    List<CompletableFuture<Void>> others = submit(2);
    mayEnd.release(2);
    first.join();
    // Two of three are there.
    assertFalse(begun.tryAcquire(200, TimeUnit.MILLISECONDS));
    committer.close();
    join(others);
  }
}
