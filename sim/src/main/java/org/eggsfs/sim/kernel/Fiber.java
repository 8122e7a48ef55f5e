package org.eggsfs.sim.kernel;

import java.util.concurrent.locks.LockSupport;

/**
 * Code that waits, inside a simulation of one thread: a client's program is written as it would be
 * in production and pauses where it waits for an answer. It has a virtual thread of its own, but
 * that one and the simulation's never run at the same time: each hands the turn to the other.
 */
public final class Fiber {
  /** Unwinds a fiber that is not needed any more. */
  private static final class Cancelled extends Error {
    private static final long serialVersionUID = 1;

    Cancelled() {
      super("the simulation is over", null, false, false);
    }
  }

  private final Thread thread;
  private Thread owner;
  private volatile boolean running;
  private volatile boolean ended;
  private boolean started;
  private boolean cancelled;
  private Throwable failure;

  /** A fiber that begins at the first {@link #resume}. */
  public Fiber(String name, Runnable body) {
    thread =
        Thread.ofVirtual()
            .name(name)
            .unstarted(
                () -> {
                  try {
                    body.run();
                  } catch (Cancelled e) {
                    // As asked for.
                  } catch (RuntimeException | Error e) {
                    failure = e;
                  }
                  ended = true;
                  running = false;
                  LockSupport.unpark(owner);
                });
  }

  /** Lets the fiber run until it pauses or ends. Called by the simulation. */
  public void resume() {
    if (ended) {
      return;
    }
    owner = Thread.currentThread();
    running = true;
    if (started) {
      LockSupport.unpark(thread);
    } else {
      started = true;
      thread.start();
    }
    while (running) {
      LockSupport.park(this);
    }
    if (failure != null) {
      throw new IllegalStateException(thread.getName() + " failed", failure);
    }
  }

  /** Gives the turn back until the next {@link #resume}. Called by the fiber. */
  public void pause() {
    running = false;
    LockSupport.unpark(owner);
    while (!running) {
      LockSupport.park(this);
    }
    if (cancelled) {
      throw new Cancelled();
    }
  }

  /** Whether the fiber has come to its end. */
  public boolean hasEnded() {
    return ended;
  }

  /** Ends a paused fiber. */
  public void cancel() {
    cancelled = true;
    if (started) {
      resume();
    }
  }
}
