package org.eggsfs.sim.world;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.client.LostAnswers;
import org.eggsfs.client.metadata.Answer;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockRequest;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.sim.kernel.Fiber;

/**
 * A client's process: a program in a fiber, one request at a time. Repetition, reading of answers
 * and the recovery of lost ones are the client library's.
 */
public final class ClientMachine extends Machine implements ShardCaller {
  private static final int PORT = 3000;
  private static final int PORTS = 60_000;

  /** The library's times, and one impatient client in between. */
  private static final RetryPolicy[] SHARD_RETRIES = {
    RetryPolicy.SHARD, RetryPolicy.ofMillis(20, 500, 3_000)
  };

  private final Fiber fiber;
  private final LostAnswers lostAnswers = new LostAnswers(this);
  private final RetryPolicy shardRetry = SHARD_RETRIES[world().random().nextInt(2)];
  private int ports;
  private InetSocketAddress address;

  /** The request that waits for its answer, 0 if none does. */
  private long waitingId;

  private int waitingKind;
  private boolean waitingForCdc;
  private Answer answer;
  private int attempts;
  private boolean presumed;

  /**
   * A client that begins when the world goes on.
   *
   * @param program what it does; ends the simulation with whatever it throws
   */
  public ClientMachine(World world, int index, java.util.function.Consumer<ClientMachine> program) {
    super(world, Network.Role.CLIENT, "client-" + index);
    fiber = new Fiber(name(), () -> program.accept(this));
    renewAddress();
    start();
  }

  private void renewAddress() {
    address = address(PORT + ports % PORTS);
    ports++;
    world().network().bind(address, this, this::receive);
  }

  @Override
  void started() {
    after(0, fiber::resume);
  }

  @Override
  void died() {
    throw new IllegalStateException("clients give up instead");
  }

  /** Whether the program has come to its end. */
  public boolean hasEnded() {
    return fiber.hasEnded();
  }

  /** Ends the program where it stands. */
  public void cancel() {
    fiber.cancel();
  }

  /** Lets time pass. */
  public void sleep(long nanos) {
    wakeAfter(nanos);
    park();
  }

  /** Waits for {@link #wakeAfter}. */
  public void park() {
    fiber.pause();
  }

  /** Ends a wait. */
  public void wakeAfter(long nanos) {
    after(nanos, fiber::resume);
  }

  /** Nanoseconds since 1970 by this client's clock. */
  public long wallNanos() {
    return clock().wallNanos();
  }

  /** How many packets the last request took. */
  public int attempts() {
    return attempts;
  }

  /** Whether the last answer was not heard but concluded from a name's history. */
  public boolean isPresumed() {
    return presumed;
  }

  @Override
  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  public <R extends ShardResponse> R shard(int shard, ShardRequest request) throws EggsException {
    try {
      R response =
          (R)
              exchange(
                  world().shardAddress(shard),
                  ProtocolConstants.MAGIC_SHARD_REQUEST,
                  request.kind(),
                  request,
                  shardRetry);
      presumed = false;
      return response;
    } catch (EggsException e) {
      int made = attempts;
      ShardResponse meant = resolve(() -> lostAnswers.resolve(request, e, made));
      attempts = made;
      if (meant == null) {
        throw e;
      }
      presumed = true;
      return (R) meant;
    }
  }

  /** Sends a request to the CDC and waits for the answer. */
  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  public <R extends CdcResponse> R cdc(CdcRequest request) throws EggsException {
    try {
      R response =
          (R)
              exchange(
                  world().cdc().clientAddress(),
                  ProtocolConstants.MAGIC_CDC_REQUEST,
                  request.kind(),
                  request,
                  RetryPolicy.CDC);
      presumed = false;
      return response;
    } catch (EggsException e) {
      int made = attempts;
      CdcResponse meant = resolve(() -> lostAnswers.resolve(request, e, made));
      attempts = made;
      if (meant == null) {
        throw e;
      }
      presumed = true;
      return (R) meant;
    }
  }

  private interface Resolution<T> {
    T run() throws IOException;
  }

  private static <T> T resolve(Resolution<T> resolution) {
    try {
      return resolution.run();
    } catch (IOException e) {
      throw new IllegalStateException("there is no I/O here", e);
    }
  }

  private Message exchange(
      InetSocketAddress to, int magic, int kind, Message request, RetryPolicy retry)
      throws EggsException {
    long id = world().random().nextLong() | 1;
    ByteBuffer frame = Frames.buffer(Frames.UDP_HEADER_SIZE + request.encodedSize());
    Frames.putUdp(frame, magic, id, kind, request);
    frame.flip();
    waitingId = id;
    waitingKind = kind;
    waitingForCdc = magic == ProtocolConstants.MAGIC_CDC_REQUEST;
    answer = null;
    attempts = 0;
    attempt(id, frame, to, retry, clock().nanoTime());
    if (world().isTraced()) {
      world().trace(name(), "asks ", request);
    }
    if (world().random().chance(world().faults().clientCrash)) {
      long patience = world().random().exponential(2_000_000);
      after(patience, () -> giveUp(id));
    }
    fiber.pause();
    if (world().isTraced()) {
      world()
          .trace(
              name(),
              answer.failure() == null ? answer.response() : answer.failure().code(),
              attempts > 1 ? " after " + attempts + " attempts" : "");
    }
    if (answer.failure() != null) {
      throw answer.failure();
    }
    return answer.response();
  }

  private void attempt(
      long id, ByteBuffer frame, InetSocketAddress to, RetryPolicy retry, long startNanos) {
    if (waitingId != id) {
      return;
    }
    long elapsed = clock().nanoTime() - startNanos;
    if (retry.isOver(elapsed)) {
      conclude(new Answer(null, new EggsException(ErrorCode.TIMEOUT)));
      return;
    }
    attempts++;
    world().network().send(this, address, frame.duplicate(), to);
    after(
        clock().virtualNanos(retry.attemptNanos(elapsed, world().random().nextDouble() - 0.5)),
        () -> attempt(id, frame, to, retry, startNanos));
  }

  /** The process dies and another one begins: what it asked for may happen or not. */
  private void giveUp(long id) {
    if (waitingId == id) {
      world().trace(name(), "gives up");
      renewAddress();
      conclude(new Answer(null, new EggsException(ErrorCode.TIMEOUT)));
    }
  }

  private void conclude(Answer outcome) {
    waitingId = 0;
    answer = outcome;
    fiber.resume();
  }

  private void receive(InetSocketAddress source, ByteBuffer in) {
    int magic = in.getInt();
    long id = in.getLong();
    int kind = in.get() & 0xff;
    int expected =
        waitingForCdc
            ? ProtocolConstants.MAGIC_CDC_RESPONSE
            : ProtocolConstants.MAGIC_SHARD_RESPONSE;
    if (id != waitingId || magic != expected) {
      return;
    }
    conclude(Answer.decode(waitingForCdc, waitingKind, kind, in, () -> "kind " + waitingKind));
  }

  // Blocks.

  /**
   * One block of a span to write.
   *
   * @param certificate of the shard
   */
  public record BlockWrite(long service, long blockId, int crc, long size, long certificate) {}

  /** One block to erase, as the shard hands it out. */
  public record BlockErasure(long service, int flags, long blockId, long certificate) {}

  /** Writes all blocks at once. Returns their proofs, or null when one has failed. */
  public List<BlockProof> writeBlocks(List<BlockWrite> blocks) {
    Gathering gathering = new Gathering(blocks.size());
    for (int i = 0; i < blocks.size(); i++) {
      BlockWrite write = blocks.get(i);
      int place = i;
      world()
          .blockMachine(write.service)
          .write(
              this,
              write.blockId,
              new BlockMachine.Block(write.crc, write.size),
              write.certificate,
              proof -> gathering.add(place, new BlockProof(write.blockId, proof)),
              gathering::fail);
    }
    return gathering.await();
  }

  /** Erases all blocks at once. Returns the proofs, or null when one has failed. */
  public List<BlockProof> eraseBlocks(List<BlockErasure> blocks) {
    Gathering gathering = new Gathering(blocks.size());
    for (int i = 0; i < blocks.size(); i++) {
      BlockErasure erasure = blocks.get(i);
      int place = i;
      if ((erasure.flags & BlockServiceFlags.DECOMMISSIONED) != 0) {
        world()
            .shuckle()
            .call(
                this,
                new EraseDecommissionedBlockRequest(
                    erasure.service, erasure.blockId, erasure.certificate),
                response ->
                    gathering.add(
                        place,
                        new BlockProof(
                            erasure.blockId,
                            ((org.eggsfs.protocol.shuckle.EraseDecommissionedBlockResponse)
                                    response)
                                .proof())),
                gathering::fail);
      } else {
        world()
            .blockMachine(erasure.service)
            .erase(
                this,
                erasure.blockId,
                erasure.certificate,
                proof -> gathering.add(place, new BlockProof(erasure.blockId, proof)),
                gathering::fail);
      }
    }
    return gathering.await();
  }

  /** Waits for several answers. */
  private final class Gathering {
    private final BlockProof[] proofs;
    private int missing;
    private boolean failed;
    private boolean waiting;

    Gathering(int count) {
      proofs = new BlockProof[count];
      missing = count;
    }

    void add(int place, BlockProof proof) {
      proofs[place] = proof;
      finish();
    }

    void fail() {
      failed = true;
      finish();
    }

    private void finish() {
      missing--;
      if (missing == 0 && waiting) {
        fiber.resume();
      }
    }

    List<BlockProof> await() {
      if (missing > 0) {
        waiting = true;
        fiber.pause();
      }
      return failed ? null : new ArrayList<>(Arrays.asList(proofs));
    }
  }
}
