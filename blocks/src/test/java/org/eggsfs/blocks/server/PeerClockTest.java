package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Goal: who is slow on the whole is found out. Method: peers of various speed, without a clock. */
class PeerClockTest {
  private static final long PIECE = 256 << 10;
  private static final long SIZE = 40 * PIECE;
  private static final long STALL = TimeUnit.SECONDS.toNanos(30);
  private static final long START = Long.MAX_VALUE - STALL;

  private final PeerClock clock = new PeerClock(STALL, SIZE);

  /** How many pieces a peer gets that takes so long for each, and the disk so long in between. */
  private int pieces(long pieceNanos, long diskNanos) {
    long now = START;
    for (int done = 0; done < SIZE / PIECE; done++) {
      clock.start(now);
      now += pieceNanos;
      if (clock.isOver(now)) {
        return done;
      }
      clock.stop(now);
      now += diskNanos;
      assertFalse(clock.isOver(now), "nobody waits for the peer");
    }
    return (int) (SIZE / PIECE);
  }

  @Test
  void aPieceHasItsLimit() {
    clock.start(START);
    assertFalse(clock.isOver(START + STALL));
    assertTrue(clock.isOver(START + STALL + 1));
  }

  @Test
  void whoIsJustQuickEnoughForEachPieceIsTooSlowForAll() {
    // 30 s, and 4 s for each of 40 pieces.
    assertEquals(190 / 29, pieces(TimeUnit.SECONDS.toNanos(29), 0));
  }

  @Test
  void whoHasTheLeastSpeedGetsAll() {
    assertEquals(40, pieces(TimeUnit.MILLISECONDS.toNanos(4750), 0));
  }

  @Test
  void whoIsALittleSlowerDoesNot() {
    assertEquals(39, pieces(TimeUnit.MILLISECONDS.toNanos(4751), 0));
  }

  @Test
  void theTimeOfTheDiskIsNotThePeers() {
    assertEquals(40, pieces(TimeUnit.SECONDS.toNanos(4), TimeUnit.SECONDS.toNanos(60)));
  }

  @Test
  void sizesOfAnyOrderHaveATime() {
    PeerClock small = new PeerClock(STALL, 0);
    small.start(START);
    assertFalse(small.isOver(START + STALL));
    assertTrue(small.isOver(START + STALL + 1));
    PeerClock large = new PeerClock(STALL, 0xffff_ffffL);
    large.start(START);
    assertFalse(large.isOver(START + STALL));
    assertTrue(large.isOver(START + STALL + 1));
  }
}
