package org.eggsfs.sim.world;

/** Takes the story of a run, line by line, for people. */
public interface Tracer {
  /** Nobody listens. */
  Tracer NONE = (nanos, who, what) -> {};

  /** One thing that happened. */
  void line(long nanos, String who, String what);
}
