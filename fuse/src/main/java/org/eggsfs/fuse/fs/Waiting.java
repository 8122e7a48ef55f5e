package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseRequest;
import org.eggsfs.protocol.EggsException;

/** How operations wait: on a virtual thread, or not at all, for what a future brings. */
final class Waiting {
  private static final Logger LOG = System.getLogger(Waiting.class.getName());

  private Waiting() {}

  interface Task {
    void run() throws EggsException, IOException, InterruptedException;
  }

  /** Runs what has to wait. */
  static void later(FuseRequest request, Task task) {
    Thread thread =
        Thread.ofVirtual()
            .name("fuse-operation")
            .unstarted(
                () -> {
                  try {
                    task.run();
                  } catch (EggsException | IOException | InterruptedException e) {
                    fail(request, e);
                  } catch (RuntimeException | Error e) {
                    LOG.log(Level.ERROR, "an operation of the mount failed", e);
                    request.error(Errno.EIO);
                  }
                });
    request.runOn(thread);
    thread.start();
  }

  static void fail(FuseRequest request, Throwable failure) {
    if (Errnos.isTrouble(failure)) {
      LOG.log(Level.WARNING, "an operation of the mount failed: " + failure.getMessage());
    }
    request.error(Errnos.of(failure));
  }

  interface Answer<T> {
    void give(T value);
  }

  /** Answers when the future completes, on the thread that completes it. */
  static <T> void when(FuseRequest request, CompletableFuture<T> future, Answer<T> answer) {
    future.whenComplete(
        (value, failure) -> {
          if (failure != null) {
            fail(request, Names.cause(failure));
            return;
          }
          try {
            answer.give(value);
          } catch (RuntimeException | Error e) {
            LOG.log(Level.ERROR, "an answer of the mount failed", e);
            request.error(Errno.EIO);
          }
        });
  }

  /** Waits for what the channel answers. */
  static <T> T get(CompletableFuture<T> future)
      throws EggsException, IOException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      switch (Names.cause(e.getCause())) {
        case EggsException eggs -> throw eggs;
        case IOException io -> throw io;
        case RuntimeException bug -> throw bug;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }
}
