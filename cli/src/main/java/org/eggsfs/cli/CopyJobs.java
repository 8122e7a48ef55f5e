package org.eggsfs.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.PrintStream;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.protocol.EggsException;

/**
 * The files of a copy, a bounded number at the same time, each on a virtual thread. A failure of
 * one is told and counted, the others go on.
 */
final class CopyJobs implements AutoCloseable {
  private final int jobs;
  private final Semaphore places;
  private final PrintStream report;
  private final ProgressLine progress;
  private final AtomicLong done = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();

  /** Copies one file. */
  interface Job {
    void run() throws EggsException, IOException, CommandFailure;
  }

  /**
   * Nothing is started yet.
   *
   * @param report where finished files are printed; null for nowhere
   */
  CopyJobs(int jobs, PrintStream report, ProgressLine progress) {
    this.jobs = jobs;
    this.places = new Semaphore(jobs);
    this.report = report;
    this.progress = progress;
  }

  /** Starts a job as soon as there is a place. */
  void submit(String from, String to, Job job) throws InterruptedIOException {
    try {
      places.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
    Thread.ofVirtual()
        .name("copy")
        .start(
            () -> {
              try {
                run(from, to, job);
              } finally {
                places.release();
              }
            });
  }

  private void run(String from, String to, Job job) {
    try {
      job.run();
      done.incrementAndGet();
      progress.addItem();
      if (report != null) {
        // Only now: what is reported survives whatever comes (a copy out is synced for it).
        synchronized (this) {
          progress.println(report, from + " -> " + to);
          report.flush();
        }
      }
    } catch (CommandFailure e) {
      fail(e.getMessage());
    } catch (EggsException | IOException e) {
      fail(from + " -> " + to + ": " + Failures.words(e));
    } catch (RuntimeException | Error e) {
      // An Error too: a file that is neither done nor failed would be missed without a word.
      fail(from + " -> " + to + ": " + CommandRunner.describe(e));
    }
  }

  /** Tells and counts a failure. */
  void fail(String message) {
    failed.incrementAndGet();
    progress.println(System.err, "cp: " + EggsPath.printable(message));
  }

  /** Waits for all jobs; the result is the exit code. */
  int finish() {
    places.acquireUninterruptibly(jobs);
    places.release(jobs);
    if (failed.get() == 0) {
      return ExitCodes.OK;
    }
    return done.get() == 0 ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }

  @Override
  public void close() {
    places.acquireUninterruptibly(jobs);
  }
}
