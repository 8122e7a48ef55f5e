package org.eggsfs.shuckle.server;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Goal: only time in which they could have registered makes block services silent. */
class SilenceTest {
  private static final long DELAY = 180;
  private static final long GAP_MAX = 45;

  /** Near the largest time, where differences overflow. */
  private long now = Long.MAX_VALUE - 100;

  private final Silence silence = new Silence(now);

  /** Lets time pass with looks that are not too far apart. */
  private void pass(long time) {
    for (long left = time; left > 0; left -= 10) {
      now += Math.min(10, left);
      assertFalse(silence.look(now, GAP_MAX));
    }
  }

  private boolean isSilent(long id) {
    return silence.isSilent(id, now, DELAY);
  }

  @Test
  void everybodyHasOneDelayAfterTheStart() {
    pass(DELAY - 1);
    assertFalse(isSilent(1));
    pass(1);
    assertTrue(isSilent(1));
  }

  @Test
  void whoRegistersIsHeardOf() {
    pass(DELAY - 1);
    silence.heard(1, now);
    pass(DELAY - 1);
    assertFalse(isSilent(1));
    assertTrue(isSilent(2));
    pass(1);
    assertTrue(isSilent(1));
  }

  @Test
  void afterAGapEverybodyHasOneDelayAgain() {
    pass(2 * DELAY);
    silence.heard(1, now);
    pass(100);
    now += 10 * DELAY;
    assertTrue(silence.look(now, GAP_MAX));
    assertFalse(isSilent(1));
    assertFalse(isSilent(2));
    pass(DELAY - 1);
    silence.heard(1, now);
    pass(1);
    assertFalse(isSilent(1));
    assertTrue(isSilent(2));
  }
}
