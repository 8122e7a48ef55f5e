package org.eggsfs.client.metadata;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.Message;

/**
 * One metadata request from its first packet to its outcome. The outcome is set once, by whoever
 * takes the request out of the channel's table: the receiver, the timer or the closing channel.
 */
final class PendingRequest {
  final long id;
  final int target;
  final int kind;
  final Message request;
  final RetryPolicy retry;
  final long startNanos;

  /** Null for a blocking caller, who is {@link #waiter}. */
  final CompletableFuture<Message> future;

  private final Thread waiter;

  /** The packet; replaced when a paged request has to make do with smaller answers. */
  volatile ByteBuffer frame;

  volatile int attempts;

  /** When the current attempt has waited long enough; moved by the timer. */
  volatile long attemptEndNanos;

  /** An answer is accepted from here even if the address book has changed since. */
  volatile InetSocketAddress lastSentTo;

  private volatile Message response;
  private volatile EggsException failure;

  PendingRequest(
      long id,
      int target,
      int kind,
      Message request,
      ByteBuffer frame,
      RetryPolicy retry,
      long startNanos,
      CompletableFuture<Message> future) {
    this.id = id;
    this.target = target;
    this.kind = kind;
    this.request = request;
    this.frame = frame;
    this.retry = retry;
    this.startNanos = startNanos;
    this.future = future;
    this.waiter = future == null ? Thread.currentThread() : null;
  }

  void succeed(Message answer) {
    if (future != null) {
      future.complete(answer);
    } else {
      response = answer;
      LockSupport.unpark(waiter);
    }
  }

  void fail(EggsException error) {
    if (future != null) {
      future.completeExceptionally(error);
    } else {
      failure = error;
      LockSupport.unpark(waiter);
    }
  }

  boolean isDone() {
    return response != null || failure != null;
  }

  Message result() throws EggsException {
    if (failure != null) {
      throw failure;
    }
    return response;
  }
}
