package org.eggsfs.client.blocks;

import java.nio.ByteBuffer;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * One request to a block service, from submission to its single completion. The fields without
 * access modifier belong to the loop thread that carries the operation.
 */
public abstract sealed class BlockOp permits FetchOp, WriteOp, TestWriteOp, ControlOp, ListOp {
  /** Operations of different classes never share a connection. */
  enum OpClass {
    FETCH,
    WRITE,
    CONTROL
  }

  /** Told once how the operation ended, on a loop thread: must be short and must not wait. */
  public interface Listener {
    /** {@code op.failure()} is null on success. */
    void completed(BlockOp op);
  }

  private final AddrsInfo addrs;
  private final long serviceId;
  private final OpClass opClass;
  private final int kind;
  private final Message request;
  private final Listener listener;
  private final long submittedNanos = System.nanoTime();

  /** Head, then for a write the body; what is left to send. */
  ByteBuffer[] out;

  int outIndex;
  BlockConnection connection;
  boolean responseStarted;
  boolean retried;

  private Exception failure;
  private volatile boolean done;
  private volatile boolean cancelled;
  private volatile long latencyNanos;

  BlockOp(
      AddrsInfo addrs,
      long serviceId,
      OpClass opClass,
      int kind,
      Message request,
      Listener listener) {
    this.addrs = addrs;
    this.serviceId = serviceId;
    this.opClass = opClass;
    this.kind = kind;
    this.request = request;
    this.listener = listener;
  }

  /** Where the block service listens. */
  public AddrsInfo addrs() {
    return addrs;
  }

  /** When it was submitted, as {@link System#nanoTime}. */
  public long submittedNanos() {
    return submittedNanos;
  }

  /** The block service. */
  public long serviceId() {
    return serviceId;
  }

  OpClass opClass() {
    return opClass;
  }

  int kind() {
    return kind;
  }

  /** Bytes that this operation moves, for choosing the least loaded connection. */
  abstract long weight();

  /** Body bytes to send behind the head; fresh views, as the operation may be sent twice. */
  abstract ByteBuffer[] body();

  /**
   * Takes what it can of a response body.
   *
   * @return whether the response is complete
   * @throws EggsException if the body is wrong; the connection is closed then
   */
  abstract boolean receive(ByteBuffer in, PageChecker checker) throws EggsException;

  /** Puts the operation back to where it was before it was sent. */
  abstract void rewind();

  void prepare() {
    ByteBuffer head = Frames.buffer(Frames.BLOCKS_REQUEST_HEADER_SIZE + request.encodedSize());
    Frames.putBlocksRequest(head, serviceId, kind, request);
    ByteBuffer[] body = body();
    out = new ByteBuffer[1 + body.length];
    out[0] = head.flip();
    System.arraycopy(body, 0, out, 1, body.length);
    outIndex = 0;
    responseStarted = false;
    rewind();
  }

  boolean isSent() {
    return outIndex == out.length;
  }

  boolean isUnsent() {
    return outIndex == 0 && out[0].position() == 0;
  }

  /** Drops what has been sent from {@link #out}. */
  void advance() {
    while (outIndex < out.length && !out[outIndex].hasRemaining()) {
      outIndex++;
    }
  }

  void complete(Exception outcome) {
    failure = outcome;
    latencyNanos = System.nanoTime() - submittedNanos;
    done = true;
    listener.completed(this);
  }

  /** Whether it ended; {@link #failure} says how. */
  public boolean isDone() {
    return done;
  }

  /** Null, or an EggsException with the server's code, or an IOException. */
  public Exception failure() {
    return done ? failure : null;
  }

  /** Time from creation to completion. */
  public long latencyNanos() {
    return latencyNanos;
  }

  boolean isCancelled() {
    return cancelled;
  }

  void markCancelled() {
    cancelled = true;
  }
}
