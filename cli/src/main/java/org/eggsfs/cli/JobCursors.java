package org.eggsfs.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import org.eggsfs.gc.Cursors;

/**
 * How far a job over all shards has come, so that another call goes on there. Kept in a file if one
 * is given: saved every few seconds and at the end, and removed when the job is done.
 */
final class JobCursors implements AutoCloseable {
  private static final long SAVE_MILLIS = 5000;
  private static final long DONE = -1;

  private final Path file;
  private final Cursors cursors;
  private final String job;

  /** Where a shard goes on, or {@link #DONE}. */
  private final AtomicLongArray shards;

  /** Those that the job moves by itself. */
  private final AtomicLongArray own;

  private final Thread saver;

  // Guarded by this.
  private boolean finished;

  private JobCursors(Path file, Cursors cursors, String job, String ownName) {
    this.file = file;
    this.cursors = cursors;
    this.job = job;
    this.shards = cursors.of(job + "-command");
    this.own = cursors.of(ownName);
    this.saver = Thread.ofVirtual().unstarted(this::saveAgainAndAgain);
  }

  /**
   * The cursors of a file, which need not exist; null for none.
   *
   * @param job the command
   * @param ownName under which the job moves cursors of its own, if it does
   */
  static JobCursors open(Path file, String job, String ownName) throws CommandFailure {
    try {
      Cursors cursors = file == null ? Cursors.inMemory() : Cursors.load(file);
      JobCursors opened = new JobCursors(file, cursors, job, ownName);
      opened.saver.start();
      return opened;
    } catch (IOException e) {
      throw new CommandFailure(ExitCodes.FAILED, file + ": " + CommandRunner.describe(e), e);
    }
  }

  /** For jobs that keep their own. */
  Cursors cursors() {
    return cursors;
  }

  /** Those of the shards that are not done. */
  List<Integer> remaining(List<Integer> wanted) {
    return wanted.stream().filter(shard -> shards.get(shard) != DONE).toList();
  }

  long position(int shard) {
    return shards.get(shard);
  }

  /** A shard goes on here. */
  void passed(int shard, long position) {
    shards.set(shard, position);
  }

  void done(int shard) {
    shards.set(shard, DONE);
  }

  /** The job is done with all shards; the next one starts anew. */
  synchronized void finish() throws CommandFailure {
    finished = true;
    for (int i = 0; i < shards.length(); i++) {
      shards.set(i, 0);
    }
    for (int i = 0; i < own.length(); i++) {
      own.set(i, 0);
    }
    if (file != null) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw new CommandFailure(ExitCodes.FAILED, file + ": " + CommandRunner.describe(e), e);
      }
    }
  }

  private void saveAgainAndAgain() {
    try {
      while (true) {
        Thread.sleep(SAVE_MILLIS);
        save();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void save() {
    if (finished) {
      return;
    }
    boolean interrupted = Thread.interrupted();
    try {
      cursors.save();
    } catch (IOException e) {
      CommandRunner.error(job, file + ": cursor not saved: " + CommandRunner.describe(e));
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Saves; after {@link #finish} nothing is left to save. */
  @Override
  public synchronized void close() {
    // Not while it saves: an interrupt would close the file under it.
    saver.interrupt();
    save();
  }
}
