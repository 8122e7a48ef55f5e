package org.eggsfs.gc.defrag;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InterruptedIOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LinkFileOverRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Goal: a client of a server that drops LinkFileOver is told so, also if it would wait for answers
 * for ever. Method: shards of three kinds behind the client's interface.
 */
@Timeout(60)
class LinkFileOverSupportTest {
  private static final long PATIENCE_NANOS = 20_000_000;

  /** A client without a deadline: it waits until it is interrupted. */
  private static ShardResponse silence() throws InterruptedIOException {
    try {
      new CountDownLatch(1).await();
      throw new AssertionError("never counted down");
    } catch (InterruptedException e) {
      throw (InterruptedIOException) new InterruptedIOException("told to end").initCause(e);
    }
  }

  private interface Answers {
    ShardResponse to(ShardRequest request) throws EggsException, InterruptedIOException;
  }

  private static LinkFileOverSupport over(Answers answers) {
    return new LinkFileOverSupport(
        new ShardCaller() {
          @Override
          @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
          public <R extends ShardResponse> R shard(int shard, ShardRequest request)
              throws EggsException, InterruptedIOException {
            return (R) answers.to(request);
          }
        },
        PATIENCE_NANOS);
  }

  private static ShardResponse refuse() throws EggsException {
    throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
  }

  @Test
  void aShardThatKnowsItIsAskedOnce() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    LinkFileOverSupport support =
        over(
            request -> {
              asked.incrementAndGet();
              return refuse();
            });
    support.require(3);
    support.require(3);
    assertEquals(1, asked.get());
    support.require(4);
    assertEquals(2, asked.get());
  }

  @Test
  void aShardThatDropsItIsNamed() {
    AtomicInteger asked = new AtomicInteger();
    LinkFileOverSupport support =
        over(
            request -> {
              asked.incrementAndGet();
              return request instanceof LinkFileOverRequest ? silence() : refuse();
            });
    LinkFileOverSupport.UnknownMessageException failure =
        assertThrows(LinkFileOverSupport.UnknownMessageException.class, () -> support.require(7));
    assertTrue(failure.getMessage().contains("shard 7"), failure.getMessage());
    assertTrue(failure.getMessage().contains("TernFS"), failure.getMessage());
    int before = asked.get();
    assertThrows(LinkFileOverSupport.UnknownMessageException.class, () -> support.require(7));
    assertEquals(before, asked.get(), "not asked again");
  }

  @Test
  void aClientsOwnDeadlineIsSilenceToo() {
    LinkFileOverSupport support =
        over(
            request -> {
              if (request instanceof LinkFileOverRequest) {
                throw new EggsException(ErrorCode.TIMEOUT);
              }
              return refuse();
            });
    assertThrows(LinkFileOverSupport.UnknownMessageException.class, () -> support.require(7));
  }

  @Test
  void aShardThatIsDownIsNotTakenForAnOldOne() throws Exception {
    AtomicInteger silences = new AtomicInteger(2);
    LinkFileOverSupport support =
        over(request -> silences.getAndDecrement() > 0 ? silence() : refuse());
    EggsException down = assertThrows(EggsException.class, () -> support.require(7));
    assertEquals(ErrorCode.TIMEOUT, down.code());
    // Up again.
    support.require(7);
  }

  @Test
  void aShardThatComesUpWhileItIsAskedIsFine() throws Exception {
    AtomicInteger silences = new AtomicInteger(1);
    over(request -> silences.getAndDecrement() > 0 ? silence() : refuse()).require(7);
  }
}
