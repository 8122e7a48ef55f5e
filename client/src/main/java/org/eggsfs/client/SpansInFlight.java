package org.eggsfs.client;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.EncodedSpan;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.client.span.SpanUploader.TransientFile;
import org.eggsfs.client.span.SpanUploader.Uploaded;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddInlineSpanRequest;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;

/**
 * The spans of one file that are on their way to the disks, each with a task of its own (client.md
 * section 7). The first is written into the file itself, a later one into an idle helper file, from
 * where it is moved to its place when all before it are certified. A file of two spans needs no
 * helper.
 *
 * <p>Once a span has failed for good, everything after it fails likewise. Spans are started by one
 * thread, in their order.
 */
final class SpansInFlight {
  private final EggsClient client;
  private final BufferPool pool;
  private final SpanUploader uploader;
  private final int shard;
  private final SpanLayout.SpanPolicy spanPolicy;
  private final SpanLayout.BlockPolicy blockPolicy;
  private final long targetStripeSize;
  private final int tasksMax;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition taskEnded = lock.newCondition();
  private final ArrayDeque<TransientFile> idleHelpers = new ArrayDeque<>();
  private final CompletableFuture<Void> firstInitiated = new CompletableFuture<>();
  private int tasks;
  private Throwable failure;

  /** The last span's place in the file: certified, or failed. Only the starting thread sets it. */
  private CompletableFuture<Void> certified = CompletableFuture.completedFuture(null);

  SpansInFlight(
      EggsClient client,
      BufferPool pool,
      SpanUploader uploader,
      DirectoryPolicies policies,
      int shard,
      int tasksMax) {
    this.client = client;
    this.pool = pool;
    this.uploader = uploader;
    this.shard = shard;
    this.spanPolicy = policies.spanChoice();
    this.blockPolicy = policies.blockChoice();
    this.targetStripeSize = policies.stripe().targetStripeSize();
    this.tasksMax = tasksMax;
  }

  /**
   * Bytes of a span that was filled, and where they belong.
   *
   * @param lease their memory, which the span's task gives back
   * @param index of the span in the file
   */
  record Filled(BufferPool.Lease lease, int size, long offset, int index) {}

  /** Fails if a span has. */
  void requireGood() throws IOException {
    lock.lock();
    try {
      if (failure != null) {
        throw failed(failure);
      }
    } finally {
      lock.unlock();
    }
  }

  private static IOException failed(Throwable cause) {
    return new IOException("file cannot be written: " + cause.getMessage(), cause);
  }

  static InterruptedIOException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    return (InterruptedIOException)
        new InterruptedIOException("interrupted while writing").initCause(cause);
  }

  /** Waits a little for a span to end; false if there is none. Callers look again. */
  @SuppressWarnings("WaitNotInLoop")
  boolean awaitOne(long millis) throws InterruptedIOException {
    lock.lock();
    try {
      if (tasks == 0) {
        return false;
      }
      taskEnded.await(millis, TimeUnit.MILLISECONDS);
      return true;
    } catch (InterruptedException e) {
      throw interrupted(e);
    } finally {
      lock.unlock();
    }
  }

  /** Waits until another span may be started. */
  void awaitTurn() throws IOException {
    lock.lock();
    try {
      while (tasks >= tasksMax) {
        taskEnded.await();
      }
    } catch (InterruptedException e) {
      throw interrupted(e);
    } finally {
      lock.unlock();
    }
    requireGood();
  }

  /**
   * Starts a span after {@link #awaitTurn}.
   *
   * @param last whether no further one follows
   */
  void start(TransientFile target, Filled span, boolean last) {
    CompletableFuture<Void> before = certified;
    CompletableFuture<Void> mine = new CompletableFuture<>();
    certified = mine;
    lock.lock();
    try {
      tasks++;
    } finally {
      lock.unlock();
    }
    boolean viaHelper = span.index >= 2 || (span.index == 1 && !last);
    Thread.ofVirtual()
        .name("eggs-client-span")
        .start(() -> run(target, span, viaHelper, before, mine));
  }

  private void run(
      TransientFile target,
      Filled span,
      boolean viaHelper,
      CompletableFuture<Void> before,
      CompletableFuture<Void> mine) {
    Throwable failed = null;
    try {
      write(target, span, viaHelper, before);
    } catch (EggsException | IOException | RuntimeException | Error e) {
      failed = e;
    }
    lock.lock();
    try {
      tasks--;
      if (failed != null && failure == null) {
        failure = failed;
      }
      taskEnded.signalAll();
    } finally {
      lock.unlock();
    }
    if (failed == null) {
      mine.complete(null);
    } else {
      firstInitiated.completeExceptionally(failed);
      mine.completeExceptionally(failed);
    }
  }

  private void write(
      TransientFile target, Filled filled, boolean viaHelper, CompletableFuture<Void> before)
      throws EggsException, IOException {
    if (filled.size <= SpanLayout.INLINE_MAX) {
      writeInline(target, filled, before);
      return;
    }
    try (EncodedSpan span = encode(filled)) {
      if (!viaHelper) {
        await(before);
        Uploaded uploaded =
            uploader.upload(
                target,
                filled.offset,
                span,
                () -> {
                  if (filled.index == 0) {
                    firstInitiated.complete(null);
                  }
                });
        uploader.certify(target, filled.offset, uploaded.proofs());
        return;
      }
      // A reference without spans would scatter the file (client.md section 7).
      await(firstInitiated);
      Uploaded uploaded = uploader.uploadToHelper(target, takeHelper(), span);
      boolean moved = false;
      try {
        await(before);
        uploader.move(filled.size, uploaded.holder(), 0, target, filled.offset);
        moved = true;
      } finally {
        if (!moved) {
          uploader.scrap(uploaded.holder());
        }
      }
      uploader.certify(target, filled.offset, uploaded.proofs());
      giveHelper(uploaded.holder());
    }
  }

  /** Moves to a larger buffer in the rare case that padding does not fit. */
  private EncodedSpan encode(Filled filled) {
    int size = filled.size;
    SpanLayout layout = SpanLayout.choose(size, spanPolicy, blockPolicy, targetStripeSize);
    if (layout.capacity() <= filled.lease.capacity()) {
      return EncodedSpan.encode(filled.lease, size, layout);
    }
    try (BufferPool.Lease lease = filled.lease) {
      BufferPool.Lease larger = pool.acquireOverdraft(layout.capacity());
      larger.buffer().put(0, lease.buffer(), 0, size);
      return EncodedSpan.encode(larger, size, layout);
    }
  }

  private void writeInline(TransientFile target, Filled filled, CompletableFuture<Void> before)
      throws EggsException, IOException {
    byte[] body = new byte[filled.size];
    try (BufferPool.Lease lease = filled.lease) {
      lease.buffer().get(0, body);
    }
    await(before);
    client.shard(
        shard,
        new AddInlineSpanRequest(
            target.id(),
            target.cookie(),
            StorageClass.INLINE,
            filled.offset,
            filled.size,
            Crc32c.sum(0, body, 0, filled.size),
            body));
    firstInitiated.complete(null);
  }

  private static void await(CompletableFuture<Void> event) throws EggsException, IOException {
    try {
      event.get();
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException e) {
      throw new IOException("an earlier span failed: " + e.getCause().getMessage(), e.getCause());
    }
  }

  private TransientFile takeHelper() {
    lock.lock();
    try {
      return idleHelpers.poll();
    } finally {
      lock.unlock();
    }
  }

  private void giveHelper(TransientFile helper) {
    lock.lock();
    try {
      idleHelpers.push(helper);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Brings the last span of a file of one or two to the disks on the caller's thread.
   *
   * @return the request that is left, which certifies it
   */
  AddSpanCertifyRequest writeLast(TransientFile target, Filled filled)
      throws EggsException, IOException {
    boolean good = false;
    try (EncodedSpan span = encode(filled)) {
      await(certified);
      Uploaded uploaded = uploader.upload(target, filled.offset, span, () -> {});
      good = true;
      return new AddSpanCertifyRequest(
          target.id(), target.cookie(), filled.offset, uploaded.proofs());
    } finally {
      if (!good) {
        failLast();
      }
    }
  }

  private void failLast() {
    certified = CompletableFuture.failedFuture(new IOException("the last span failed"));
  }

  /** The last span could not be completed; nothing more can be done with the file. */
  void fail(Throwable cause) {
    failLast();
    lock.lock();
    try {
      if (failure == null) {
        failure = cause;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits until all spans have their places in the file; fails if one could not get it. */
  void awaitCertified(TransientFile target) throws EggsException, IOException {
    try {
      certified.get();
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EggsException eggs) {
        throw new EggsException(eggs.code(), "writing " + InodeIds.format(target.id()), eggs);
      }
      throw failed(e.getCause());
    }
  }

  /**
   * Waits for all tasks, which have deadlines of their own; their memory is not ours before.
   *
   * @return the helper files, which nobody needs any more
   */
  List<TransientFile> end() {
    boolean interrupted = false;
    lock.lock();
    try {
      while (tasks > 0) {
        try {
          taskEnded.await();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      return new ArrayList<>(idleHelpers);
    } finally {
      idleHelpers.clear();
      lock.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
