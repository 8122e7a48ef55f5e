package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.eggsfs.blocks.disk.DiskError;
import org.eggsfs.blocks.disk.DiskFiles;
import org.eggsfs.blocks.disk.WatchedFiles;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.KeyFile;

/**
 * Watches one disk (blocks.md sections 4.4, 4.5, 7.1): probes it every few seconds, counts I/O
 * errors, notices calls that do not return, and says how it is.
 *
 * <p>A probe asks for the free space and reads the key file past the page cache; once a minute, and
 * whenever something went wrong, it also writes, syncs and removes a small file. Each probe has a
 * thread of its own, at most one per disk, so a hanging disk holds up nobody else; {@link #tick} is
 * called about once a second and never waits. A probe that cannot be made, for want of a thread or
 * of memory, says nothing about the disk; the next one comes at its time. No verdict is final:
 * whatever the state, the disk is probed on, and is well again as soon as probes say so. Only many
 * I/O errors are remembered until there was none for ten minutes.
 */
final class DiskHealth {
  /** Blocks with I/O errors within a window that make a disk suspect; fewer prove nothing. */
  private static final int ERROR_BLOCKS_MIN = 20;

  private static final int ERROR_PERCENT = 10;

  /** Probes in a row that must be slow. */
  private static final int SLOW_PROBES = 3;

  /** A caller that wants a verdict waits no longer; by then the disk is as good as broken. */
  private static final long VERDICT_SECONDS_MAX = 3;

  /** After so many I/O errors in a window their count says enough. */
  private static final int ERRORS_LOGGED = 20;

  private static final System.Logger LOGGER = System.getLogger(DiskHealth.class.getName());

  /** Requests for the disk, and those that ended with an I/O error. */
  final LongAdder requests = new LongAdder();

  final LongAdder ioErrors = new LongAdder();

  private final Path directory;
  private final DiskFiles files;
  private final ThreadStarter threads;
  private final WatchedFiles watched;
  private final FileSystemCommitter committer;
  private final long reservedBytes;
  private final DiskTimes times;
  private final Runnable onChange;

  // Guarded by this.
  private DiskFiles.Space space;
  private DiskState state = DiskState.WELL;
  private IOException failure;
  private boolean readOnly;
  private boolean isCallOverdue;
  private boolean isProbeOverdue;
  private boolean isSyncOverdue;
  private boolean suspect;
  private int slowProbes;
  private CompletableFuture<Boolean> probing;
  private long probeStartNanos;
  private long lastProbeNanos;
  private long lastWriteNanos;
  private boolean writeWanted;
  private long windowStartNanos;
  private long windowRequests;
  private long windowErrors;
  private long lastErrorNanos;
  private final Set<Long> errorBlocks = new HashSet<>();

  /**
   * A disk that was opened just now and so works.
   *
   * @param files unwatched: probes go on while the disk is suspended
   * @param onChange called when the state has changed, by any thread; must not wait
   */
  DiskHealth(
      Path directory,
      DiskFiles files,
      ThreadStarter threads,
      WatchedFiles watched,
      FileSystemCommitter committer,
      long reservedBytes,
      DiskTimes times,
      Runnable onChange)
      throws IOException {
    this.directory = directory;
    this.files = files;
    this.threads = threads;
    this.watched = watched;
    this.committer = committer;
    this.reservedBytes = reservedBytes;
    this.times = times;
    this.onChange = onChange;
    this.space = files.space(directory);
    long now = System.nanoTime();
    lastProbeNanos = now - times.probe();
    lastWriteNanos = now - times.write();
    windowStartNanos = now;
    lastErrorNanos = now - times.calm();
    state = judge();
  }

  synchronized DiskState state() {
    return state;
  }

  synchronized long capacityBytes() {
    return Math.max(0, space.totalBytes() - reservedBytes);
  }

  synchronized long availableBytes() {
    return Math.max(0, space.usableBytes() - reservedBytes);
  }

  // ---------------------------------------------------------------- what requests saw

  /** A request failed with an I/O error; whether it was the device or only this block. */
  boolean isDeviceFailure(long blockId, String what, IOException error) {
    try {
      return failed(blockId, what, error).get(VERDICT_SECONDS_MAX, TimeUnit.SECONDS);
    } catch (TimeoutException | ExecutionException e) {
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /** The same for callers that must not wait. */
  CompletableFuture<Boolean> deviceFailure(long blockId, String what, IOException error) {
    return failed(blockId, what, error)
        .completeOnTimeout(true, VERDICT_SECONDS_MAX, TimeUnit.SECONDS);
  }

  /** Counts an I/O error; completes with whether it was the device as soon as a probe knows. */
  private CompletableFuture<Boolean> failed(long blockId, String what, IOException error) {
    ioErrors.increment();
    boolean log;
    synchronized (this) {
      lastErrorNanos = System.nanoTime();
      if (errorBlocks.size() < ERROR_BLOCKS_MIN) {
        errorBlocks.add(blockId);
      }
      log = ioErrors.sum() - windowErrors <= ERRORS_LOGGED;
    }
    if (log) {
      LOGGER.log(System.Logger.Level.WARNING, "{0}: {1}: {2}", directory, what, error.toString());
    }
    return probe(true).handle((works, failed) -> failed != null || !works);
  }

  /** Something other than an I/O error went wrong: look soon. */
  void suspectSomething() {
    probe(true);
  }

  // ---------------------------------------------------------------- probing

  /** Starts what is due; {@code slowIsUnusual}: most other disks of the server are quick. */
  void tick(boolean slowIsUnusual) {
    long now = System.nanoTime();
    boolean callHangs = watched.hasOverdueCall(now, times.hang());
    boolean syncHangs = committer.syncingNanos(now) > times.sync();
    boolean due;
    synchronized (this) {
      isCallOverdue |= callHangs;
      isSyncOverdue = syncHangs;
      isProbeOverdue = probing != null && now - probeStartNanos > times.hang();
      countErrors(now);
      due =
          probing == null
              && (isCallOverdue
                  || state == DiskState.HANGING
                  || now - lastProbeNanos >= times.probe());
    }
    update(false, slowIsUnusual);
    if (due) {
      probe(false);
    }
  }

  private void countErrors(long now) {
    if (now - windowStartNanos >= times.window()) {
      windowStartNanos = now;
      windowRequests = requests.sum();
      windowErrors = ioErrors.sum();
      errorBlocks.clear();
    } else if (errorBlocks.size() >= ERROR_BLOCKS_MIN
        && (ioErrors.sum() - windowErrors) * 100
            > (requests.sum() - windowRequests) * ERROR_PERCENT) {
      suspect = true;
    }
    if (suspect && now - lastErrorNanos >= times.calm()) {
      suspect = false;
    }
  }

  synchronized boolean isSlow() {
    return slowProbes >= SLOW_PROBES;
  }

  /** Probes the disk, or joins the probe under way; completes with whether it works. */
  private CompletableFuture<Boolean> probe(boolean withWrite) {
    CompletableFuture<Boolean> result;
    boolean write;
    long lastWrite;
    synchronized (this) {
      writeWanted |= withWrite;
      if (probing != null) {
        return probing;
      }
      result = new CompletableFuture<>();
      probing = result;
      long now = System.nanoTime();
      probeStartNanos = now;
      lastWrite = lastWriteNanos;
      write =
          writeWanted
              || state != DiskState.WELL
              || slowProbes > 0
              || now - lastWriteNanos >= times.write();
      writeWanted = false;
      if (write) {
        lastWriteNanos = now;
      }
    }
    Runnable undo = () -> undoProbe(result, write, lastWrite);
    boolean started = false;
    try {
      threads.start(
          Thread.ofPlatform()
              .daemon()
              .name("disk-probe-" + directory.getFileName())
              .unstarted(() -> runProbe(result, write, undo)));
      started = true;
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "no probe of " + directory, e);
    } finally {
      if (!started) {
        undo.run();
      }
    }
    return result;
  }

  /** As if the probe had not begun; what waits for it gets no verdict. */
  private void undoProbe(CompletableFuture<Boolean> result, boolean write, long lastWrite) {
    synchronized (this) {
      probing = null;
      lastProbeNanos = System.nanoTime();
      writeWanted |= write;
      lastWriteNanos = lastWrite;
    }
    result.completeExceptionally(new IOException("the disk could not be probed"));
  }

  private void runProbe(CompletableFuture<Boolean> result, boolean write, Runnable undo) {
    DiskFiles.Space found = null;
    IOException failed = null;
    boolean refused = false;
    try {
      found = files.space(directory);
      if (files.readFromMedium(directory.resolve(KeyFile.NAME)).length == 0) {
        throw new IOException("the key file is empty");
      }
      if (write) {
        writeSomething();
      }
    } catch (IOException e) {
      switch (DiskError.of(e)) {
        case READ_ONLY -> refused = true;
        case FULL -> LOGGER.log(System.Logger.Level.TRACE, "no space for the probe", e);
        default -> failed = e;
      }
    } catch (RuntimeException e) {
      failed = new IOException(e);
    } catch (Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "cannot probe " + directory, e);
      undo.run();
      return;
    }
    synchronized (this) {
      long now = System.nanoTime();
      lastProbeNanos = now;
      slowProbes = now - probeStartNanos > times.slow() ? slowProbes + 1 : 0;
      isCallOverdue = false;
      isProbeOverdue = false;
      failure = failed;
      if (write) {
        readOnly = refused;
      }
      if (found != null) {
        space = found;
      }
      probing = null;
    }
    update(true, false);
    boolean works = failed == null && !refused;
    result.complete(works);
    if (works) {
      watched.cleanUp();
    }
  }

  private void writeSomething() throws IOException {
    Path file = directory.resolve(BlockFormat.TEMPORARY_PREFIX + "probe");
    files.delete(file);
    try (DiskFiles.File out = files.create(file)) {
      out.write(ByteBuffer.allocate(BlockFormat.PAGE));
      out.force();
    } finally {
      files.delete(file);
    }
  }

  // ---------------------------------------------------------------- verdict

  /** Only a probe that returned shows that a disk does not hang any more. */
  private void update(boolean hasAnswered, boolean slowIsUnusual) {
    DiskState before;
    DiskState now;
    String why;
    synchronized (this) {
      before = state;
      now = judge();
      boolean tooEarly = before == DiskState.HANGING && !hasAnswered;
      boolean usual = now == DiskState.SLOW && before != DiskState.SLOW && !slowIsUnusual;
      if (tooEarly || usual) {
        now = before;
      }
      if (before == now) {
        return;
      }
      if (now == DiskState.HANGING) {
        watched.suspend();
      } else {
        watched.resume();
      }
      state = now;
      why = why(now);
    }
    report(before, now, why);
    onChange.run();
    if (before == DiskState.HANGING) {
      watched.cleanUp();
    }
  }

  /** The worst that is known. */
  private DiskState judge() {
    if (isCallOverdue || isProbeOverdue || isSyncOverdue) {
      return DiskState.HANGING;
    }
    if (failure != null) {
      return DiskState.FAILED;
    }
    if (readOnly) {
      return DiskState.READ_ONLY;
    }
    if (suspect) {
      return DiskState.SUSPECT;
    }
    if (slowProbes >= SLOW_PROBES) {
      return DiskState.SLOW;
    }
    return availableBytes() == 0 ? DiskState.FULL : DiskState.WELL;
  }

  private String why(DiskState judged) {
    return switch (judged) {
      case FAILED -> String.valueOf(failure.getMessage());
      case HANGING ->
          isProbeOverdue
              ? "its probe does not return"
              : isSyncOverdue ? "a sync does not return" : "a call does not return";
      default -> "";
    };
  }

  private void report(DiskState before, DiskState now, String why) {
    System.Logger.Level level =
        switch (now) {
          case WELL -> System.Logger.Level.INFO;
          case FULL, SLOW -> System.Logger.Level.WARNING;
          default -> System.Logger.Level.ERROR;
        };
    String effect =
        !now.isServed()
            ? "; it is not registered any more and becomes STALE"
            : now.isAvoided() ? "; it is set NO_WRITE until it is well again" : "";
    LOGGER.log(
        level,
        "disk {0} {1}{2}{3} (before: it {4})",
        directory,
        now.description(),
        why.isEmpty() ? "" : ": " + why,
        effect,
        before.description());
  }
}
