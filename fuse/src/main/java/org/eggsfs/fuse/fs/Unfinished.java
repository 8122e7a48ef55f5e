package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.client.span.SpanUploader.TransientFile;
import org.eggsfs.core.InodeIds;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseSession;
import org.eggsfs.protocol.EggsException;

/**
 * The files being written through this mount: who sees them, and how each of them ends. One is
 * known here from its creation until it is complete or thrown away.
 */
final class Unfinished {
  private static final long UPKEEP_NANOS_MAX = PendingNames.STAGED_NANOS_MAX;
  private static final long SPARES_LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final byte[] NO_NAME = new byte[0];
  private static final Logger LOG = System.getLogger(Unfinished.class.getName());

  private final EggsClient client;
  private final Names names;
  private final long keepAliveNanos;
  private final PendingNames pending = new PendingNames();
  private final Spares spares;
  private final Map<Long, WriteFile> writing = new ConcurrentHashMap<>();
  private final CloseJudge judge;
  private final Thread upkeep;
  private volatile FuseSession session;
  private volatile boolean over;

  Unfinished(EggsClient client, MountSettings settings, Names names) {
    this.client = client;
    this.names = names;
    this.keepAliveNanos = settings.keepAliveInterval().toNanos();
    this.spares = new Spares(client);
    this.judge = new CloseJudge(new Processes(Path.of("/proc"), this::device), settings.onExit());
    this.upkeep = Thread.ofVirtual().name("fuse-upkeep").unstarted(this::upkeep);
  }

  void start(FuseSession on) {
    session = on;
    upkeep.start();
  }

  private String device() {
    FuseSession on = session;
    return on == null ? null : on.device();
  }

  /** Throws all of them away: nobody can close them any more, so they are not complete. */
  void end() {
    over = true;
    LockSupport.unpark(upkeep);
    spares.close();
    for (WriteFile file : writing.values()) {
      file.end();
    }
    writing.clear();
  }

  private void upkeep() {
    long keptAliveNanos = System.nanoTime();
    while (!over) {
      // Without spares there is little to do, and an idle mount uses no CPU.
      long pauseNanos = spares.expire() ? SPARES_LOOK_NANOS : UPKEEP_NANOS_MAX;
      LockSupport.parkNanos(this, Math.min(pauseNanos, keepAliveNanos));
      for (WriteFile file : pending.forgotten()) {
        drop(file);
      }
      if (System.nanoTime() - keptAliveNanos >= keepAliveNanos) {
        keptAliveNanos = System.nanoTime();
        for (WriteFile file : writing.values()) {
          try {
            file.keepAlive();
          } catch (EggsException | IOException e) {
            LOG.log(Level.WARNING, "a file being written may expire: " + e.getMessage());
          }
        }
      }
    }
  }

  /** The file with that inode, or null if it is not one that is being written here. */
  WriteFile get(long inode) {
    return writing.get(inode);
  }

  /** Whether some file being written is going to have the name. */
  boolean isPending(long directory, byte[] name) {
    return !pending.of(directory, name).isEmpty();
  }

  /**
   * What a thread sees under a name before others do: the new version that waits for it, or the
   * file that its process is writing; null for neither.
   */
  WriteFile seenBy(int thread, long directory, byte[] name) {
    WriteFile fresh = pending.staged(directory, name, thread);
    return fresh == null ? own(thread, directory, name) : fresh;
  }

  /** The file of that name which the thread's process is writing, or null. */
  WriteFile own(int thread, long directory, byte[] name) {
    for (WriteFile file : pending.of(directory, name)) {
      if (!isStaged(file) && judge.uses(file.users(), thread, file.id())) {
        return file;
      }
    }
    return null;
  }

  /** Begins a new file; a place without a name is for one that may get a name later. */
  WriteFile begin(int thread, Node.Place place, boolean exclusive)
      throws EggsException, IOException {
    boolean named = place.name() != null;
    CloseJudge.Users users = judge.created(thread);
    byte[] name = named ? place.name() : NO_NAME;
    TransientFile spare = spares.take(InodeIds.shard(place.directory()));
    LockSupport.unpark(upkeep);
    FileWriter writer =
        spare == null
            ? client.files().create(place.directory(), name)
            : client.files().create(place.directory(), name, spare);
    boolean good = false;
    try {
      WriteFile file =
          new WriteFile(client, writer, writer.construct(), named ? place : null, users, exclusive);
      if (named && !pending.add(place, file, exclusive)) {
        throw new ErrnoException(Errno.EEXIST, "the name is being created");
      }
      writing.put(file.id(), file);
      good = true;
      return file;
    } finally {
      if (!good) {
        writer.close();
      }
    }
  }

  /**
   * Begins a new version of what has a name now, for a thread that comes back for it by name.
   *
   * @throws ErrnoException if one waits already: the thread looked at the old version again
   */
  void stage(int thread, Node.Place place) throws EggsException, IOException {
    WriteFile missed = pending.staged(place.directory(), place.name(), thread);
    if (missed != null) {
      if (takeStaged(missed, thread)) {
        drop(missed);
      }
      throw new ErrnoException(Errno.EPERM, "a complete file cannot be changed");
    }
    WriteFile file = begin(thread, place, false);
    WriteFile replaced = pending.stage(place, file, thread);
    if (replaced != null) {
      drop(replaced);
    }
  }

  /** Whether a file is a new version that still waits for its opener. */
  boolean isStaged(WriteFile file) {
    Node.Place place = file.place();
    return place != null && pending.isStaged(place, file);
  }

  /** Takes a new version that the thread it waits for opens now; false if it is none of those. */
  boolean takeStaged(WriteFile file, int thread) {
    Node.Place place = file.place();
    return place != null && pending.take(place, file, thread);
  }

  /**
   * Checks that a file being written can get a name in a directory.
   *
   * @throws ErrnoException if not: the file is in the shard of the directory it was made in
   */
  static void requireSameShard(WriteFile file, long directory) throws ErrnoException {
    if (InodeIds.shard(file.id()) != InodeIds.shard(directory)) {
      throw new ErrnoException(Errno.EXDEV, "a file being written stays in its shard");
    }
  }

  /**
   * Renaming what is not complete yet only changes where it will appear; false if it is complete.
   *
   * @param mustBeNew whether the commit fails when the name exists by then
   */
  boolean move(WriteFile file, Node.Place from, Node.Place to, boolean mustBeNew)
      throws IOException {
    // Before it can be committed there, since that takes the name away again.
    pending.add(to, file, false);
    boolean moved = false;
    try {
      moved = file.move(to, mustBeNew);
    } finally {
      pending.remove(moved ? from : to, file);
    }
    if (!moved) {
      return false;
    }
    names.nodes().getOrNew(file.id()).foundAt(to.directory(), to.name());
    return true;
  }

  /** Takes the name away from what is not complete yet; false if it is. */
  boolean unname(WriteFile file, Node.Place from) throws IOException {
    if (!file.move(null, false)) {
      return false;
    }
    pending.remove(from, file);
    return true;
  }

  /** Somebody writes, who may have got the file without us seeing it. */
  void wrote(WriteFile file, int thread) {
    judge.wrote(file.users(), thread);
  }

  /** A close by that thread: the last one on purpose completes the file. */
  void closed(WriteFile file, int thread) throws EggsException, IOException {
    CloseJudge.Verdict verdict = judge.judge(file.users(), thread, file.id());
    if (verdict == CloseJudge.Verdict.COMPLETE && file.hasUntouchedHandle()) {
      verdict = CloseJudge.Verdict.NOT_LAST;
    }
    file.lastVerdict(verdict);
    switch (verdict) {
      case COMPLETE -> complete(file);
      case ABANDONED -> file.discard();
      case NOT_LAST, UNDECIDED -> {}
    }
  }

  /** What could not be committed leads nobody astray under its name until the kernel lets go. */
  private void complete(WriteFile file) throws EggsException, IOException {
    boolean done = false;
    try {
      commit(file);
      done = true;
    } finally {
      if (!done) {
        forget(file);
      }
    }
  }

  /** What no close could decide, or did not know to be the last, is decided now. */
  void released(WriteFile file) {
    if (!file.released()) {
      return;
    }
    try {
      if (file.lastVerdict() != CloseJudge.Verdict.ABANDONED) {
        commit(file);
      }
    } catch (EggsException | IOException e) {
      LOG.log(Level.WARNING, "a file is lost, nobody was left to be told: " + e.getMessage());
    } finally {
      drop(file);
    }
  }

  /** Makes a file visible under its name, if it has one. */
  void commit(WriteFile file) throws EggsException, IOException {
    if (file.place() == null) {
      return;
    }
    boolean done = false;
    try {
      done = file.commit();
    } finally {
      changed(file.place());
    }
    if (done) {
      committed(file);
    }
  }

  /** The same for one that gets its name only now. */
  void commitAs(WriteFile file, Node.Place place) throws EggsException, IOException {
    boolean done = false;
    try {
      done = file.commitAs(place);
    } finally {
      changed(place);
    }
    if (done) {
      committed(file);
    }
  }

  /** Before a name ceases to be pending: what was heard of it earlier must not be believed. */
  private void changed(Node.Place place) {
    if (place != null) {
      names.changed(place.directory());
    }
  }

  /**
   * From now on it is a complete file like any other, whoever asks: the kernel gives its handle
   * back only later.
   */
  private void committed(WriteFile file) {
    names
        .nodes()
        .getOrNew(file.id())
        .file(new Node.FileFacts(file.size(), file.mtime(), file.atime(), System.nanoTime()));
    forget(file);
  }

  /** The end of a file being written, committed or not. */
  void drop(WriteFile file) {
    forget(file);
    file.end();
  }

  private void forget(WriteFile file) {
    writing.remove(file.id(), file);
    Node.Place place = file.place();
    if (place != null) {
      pending.remove(place, file);
    }
  }
}
