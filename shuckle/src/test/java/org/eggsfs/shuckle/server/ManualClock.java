package org.eggsfs.shuckle.server;

import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.net.HostClock;

/** Both clocks stand still until the test turns them. */
final class ManualClock implements HostClock {
  /** The wall clock. */
  final AtomicLong wall;

  /** The clock that never steps. */
  final AtomicLong nanos = new AtomicLong(-7);

  ManualClock(long wall) {
    this.wall = new AtomicLong(wall);
  }

  @Override
  public long wallNanos() {
    return wall.get();
  }

  @Override
  public long nanoTime() {
    return nanos.get();
  }

  /** Time passes. */
  void pass(long duration) {
    wall.addAndGet(duration);
    nanos.addAndGet(duration);
  }
}
