package org.eggsfs.shuckle.server;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.net.RequestMetrics;
import org.eggsfs.net.TcpFrameServer;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.shuckle.state.LogEntry;
import org.eggsfs.shuckle.state.Result;
import org.eggsfs.shuckle.state.Rules;
import org.eggsfs.shuckle.state.ShuckleState;

/** From request bytes to answer frames: questions at once, changes when they are durable. */
final class RequestHandler implements TcpFrameServer.Handler {
  private final StateKeeper keeper;
  private final Rules rules;
  private final RequestMetrics metrics = new RequestMetrics();
  private volatile ShuckleState.Self self;
  private final ReentrantLock allLock = new ReentrantLock();

  /** The answer that lists all block services, or null. Guarded by allLock. */
  private Shared all;

  RequestHandler(StateKeeper keeper, Rules rules, ShuckleState.Self self) {
    this.keeper = keeper;
    this.rules = rules;
    this.self = self;
  }

  /** Sets what is known only after the listening sockets are bound. */
  void setSelf(ShuckleState.Self self) {
    this.self = self;
  }

  /** The requests answered so far. */
  RequestMetrics metrics() {
    return metrics;
  }

  @Override
  public CompletableFuture<TcpFrameServer.Reply> handle(ByteBuffer in) {
    int kind = in.get() & 0xff;
    ShuckleRequest request = ShuckleRequest.decode(kind, in);
    Frames.requireEnd(in);
    long arrivedNanos = System.nanoTime();
    if (ShuckleState.isWrite(kind)) {
      return keeper
          .submit(time -> new LogEntry.ClientWrite(time, rules, request))
          .thenApply(result -> counted(kind, arrivedNanos, reply(result)));
    }
    return CompletableFuture.completedFuture(counted(kind, arrivedNanos, answer(request)));
  }

  private TcpFrameServer.Reply counted(int kind, long arrivedNanos, TcpFrameServer.Reply reply) {
    ErrorCode error = reply instanceof Failure failure ? failure.error() : null;
    metrics.answered(kind, error, System.nanoTime() - arrivedNanos);
    return reply;
  }

  private TcpFrameServer.Reply answer(ShuckleRequest request) {
    try {
      if (request instanceof AllBlockServicesDeprecatedRequest) {
        return allBlockServices(request);
      }
      long now = keeper.now();
      return new Success(keeper.read(state -> state.read(request, self, now)));
    } catch (EggsException e) {
      return new Failure(e.code());
    }
  }

  /**
   * By far the longest answer, and every client and shard host asks for it: it is made once between
   * two changes, by one of those who ask while the others wait for it.
   */
  private Shared allBlockServices(ShuckleRequest request) throws EggsException {
    allLock.lock();
    try {
      long changes = keeper.read(ShuckleState::blockServiceChanges);
      if (all == null || all.changes != changes) {
        // A change in between makes it newer than its number, and it is made once more.
        Success made = new Success(keeper.read(state -> state.read(request, self, keeper.now())));
        ByteBuffer frame = Frames.buffer(made.size());
        made.encode(frame);
        all = new Shared(changes, frame.array());
      }
      return all;
    } finally {
      allLock.unlock();
    }
  }

  private static TcpFrameServer.Reply reply(Result result) {
    return result.error() == null ? new Success(result.response()) : new Failure(result.error());
  }

  /** A question sees the changes asked for before it on its connection. */
  @Override
  public boolean waitsForEarlier(ByteBuffer request) {
    return !ShuckleState.isWrite(request.get(request.position()) & 0xff);
  }

  @Override
  public long memory(ByteBuffer request) {
    int kind = request.get(request.position()) & 0xff;
    if (ShuckleState.isWrite(kind)) {
      return TcpFrameServer.Handler.super.memory(request);
    }
    try {
      return keeper.read(state -> state.answerBytes(kind));
    } catch (EggsException e) {
      throw new IllegalStateException("the size of an answer is refused", e);
    }
  }

  /**
   * An answer that several connections send.
   *
   * @param changes what {@link ShuckleState#blockServiceChanges} was before it was made
   */
  private record Shared(long changes, byte[] frame) implements TcpFrameServer.Reply {
    @Override
    public int size() {
      return frame.length;
    }

    @Override
    public void encode(ByteBuffer out) {
      out.put(frame);
    }

    @Override
    public Optional<byte[]> shared() {
      return Optional.of(frame);
    }
  }

  private record Success(ShuckleResponse response) implements TcpFrameServer.Reply {
    @Override
    public int size() {
      return Frames.SHUCKLE_HEADER_SIZE + 1 + response.encodedSize();
    }

    @Override
    public void encode(ByteBuffer out) {
      Frames.putShuckle(out, ProtocolConstants.MAGIC_SHUCKLE_RESPONSE, response.kind(), response);
    }
  }

  /** The frame and the code once more. */
  private record Failure(ErrorCode error) implements TcpFrameServer.Reply {
    private static final int BYTES = Frames.SHUCKLE_HEADER_SIZE + 3 + 2;

    @Override
    public int size() {
      return BYTES;
    }

    @Override
    public void encode(ByteBuffer out) {
      Frames.putShuckleError(out, error);
    }
  }
}
