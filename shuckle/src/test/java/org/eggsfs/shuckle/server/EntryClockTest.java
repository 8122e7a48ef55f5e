package org.eggsfs.shuckle.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Goal: times never go back and never stand still, and are the wall clock's again in the end. */
class EntryClockTest {
  private final ManualClock wall = new ManualClock(1_000);
  private final EntryClock clock = new EntryClock(wall);

  @Test
  void followsTheWallClockForward() {
    assertEquals(1_000, clock.now());
    wall.pass(10);
    assertEquals(1_010, clock.now());
    wall.wall.addAndGet(500);
    assertEquals(1_510, clock.now());
  }

  @Test
  void goesOnSlowlyUntilTheWallClockHasCaughtUp() {
    wall.wall.addAndGet(-100);
    assertEquals(1_000, clock.now());
    wall.pass(20);
    assertEquals(1_010, clock.now());
    wall.pass(180);
    assertEquals(1_100, clock.now());
    wall.pass(10);
    assertEquals(1_110, clock.now());
  }
}
