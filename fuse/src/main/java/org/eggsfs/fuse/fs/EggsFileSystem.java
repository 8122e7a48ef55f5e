package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.client.span.SpanUploader.TransientFile;
import org.eggsfs.core.InodeIds;
import org.eggsfs.fuse.kernel.Abi;
import org.eggsfs.fuse.kernel.DirectoryPage;
import org.eggsfs.fuse.kernel.Entry;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseOperations;
import org.eggsfs.fuse.kernel.FuseRequest;
import org.eggsfs.fuse.kernel.FuseSession;
import org.eggsfs.fuse.kernel.SetAttributes;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;

/**
 * The operations of a mount (mount.md section 5, last column).
 *
 * <p>Threads: what is known is answered on the session's reader thread; lookups and attributes that
 * have to be asked for are answered by the client's channel when the shard has; everything that
 * waits runs on a virtual thread of its own, as many as the kernel has processes waiting.
 *
 * <p>A file is visible when it is committed, at its last close ({@link CloseJudge}); what is
 * committed is durable. Whatever writes into a committed file gets EPERM.
 */
public final class EggsFileSystem implements FuseOperations {
  private static final int NAME_LENGTH_MAX = 255;
  private static final long SECOND_NANOS = 1_000_000_000L;

  /** An access time is only updated when it is older than this or than the last change. */
  private static final long ACCESS_TIME_NANOS = TimeUnit.HOURS.toNanos(1);

  private static final long UPKEEP_NANOS_MAX = PendingNames.STAGED_NANOS_MAX;
  private static final long SPARES_LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final byte[] NOTHING = new byte[0];
  private static final Logger LOG = System.getLogger(EggsFileSystem.class.getName());

  private final EggsClient client;
  private final MountSettings settings;
  private final Nodes nodes = new Nodes();
  private final Names names;
  private final Handles handles = new Handles();
  private final ReadFiles readFiles;
  private final PendingNames pending = new PendingNames();
  private final Spares spares;
  private final Map<Long, WriteFile> writing = new ConcurrentHashMap<>();
  private final Processes processes = new Processes();
  private final CloseJudge judge;
  private final Capacity capacity;
  private final ExtendedAttributes extendedAttributes;
  private final Thread upkeep;
  private volatile boolean over;

  /** The file system of a cluster; the client stays the caller's. */
  public EggsFileSystem(EggsClient client, MountSettings settings) {
    this.client = client;
    this.settings = settings;
    this.names = new Names(client, nodes, settings);
    this.readFiles = new ReadFiles(client);
    this.spares = new Spares(client);
    this.judge = new CloseJudge(processes, settings.onExit());
    this.capacity = new Capacity(client, settings.rawCapacity());
    this.extendedAttributes = new ExtendedAttributes(client);
    this.upkeep = Thread.ofVirtual().name("fuse-upkeep").unstarted(this::upkeep);
  }

  private static long now() {
    java.time.Instant now = java.time.Instant.now();
    return now.getEpochSecond() * SECOND_NANOS + now.getNano();
  }

  /** Files and directories that the kernel knows at the moment. */
  public int knownNodes() {
    return nodes.size();
  }

  @Override
  public void started(FuseSession session) {
    upkeep.start();
  }

  @Override
  public void ended() {
    over = true;
    LockSupport.unpark(upkeep);
    spares.close();
    // Nobody can close them any more: what was not closed is not complete.
    for (WriteFile file : writing.values()) {
      file.end();
    }
    writing.clear();
    for (Handles.Handle handle : handles.all()) {
      if (handle instanceof Handles.Reading reading) {
        reading.file().release();
      }
    }
  }

  private void upkeep() {
    long keptAliveNanos = System.nanoTime();
    while (!over) {
      // Without spares there is little to do, and an idle mount uses no CPU.
      long pauseNanos = spares.expire() ? SPARES_LOOK_NANOS : UPKEEP_NANOS_MAX;
      LockSupport.parkNanos(this, Math.min(pauseNanos, settings.keepAliveInterval().toNanos()));
      for (WriteFile file : pending.forgotten()) {
        drop(file);
      }
      if (System.nanoTime() - keptAliveNanos >= settings.keepAliveInterval().toNanos()) {
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

  private interface Task {
    void run() throws EggsException, IOException, InterruptedException;
  }

  /** Runs what has to wait. */
  private static void later(FuseRequest request, Task task) {
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

  private static void fail(FuseRequest request, Throwable failure) {
    if (Errnos.isTrouble(failure)) {
      LOG.log(Level.WARNING, "an operation of the mount failed: " + failure.getMessage());
    }
    request.error(Errnos.of(failure));
  }

  private interface Answer<T> {
    void give(T value);
  }

  /** Answers when the future completes, on the thread that completes it. */
  private static <T> void when(FuseRequest request, CompletableFuture<T> future, Answer<T> answer) {
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
  private static <T> T get(CompletableFuture<T> future)
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

  private static boolean refuseLong(FuseRequest request, byte[] name) {
    if (name.length > NAME_LENGTH_MAX) {
      request.error(Errno.ENAMETOOLONG);
      return true;
    }
    return false;
  }

  // Names and attributes.

  @Override
  public void lookup(FuseRequest request, long parent, byte[] name) {
    if (refuseLong(request, name)) {
      return;
    }
    long directory = Names.inode(parent);
    WriteFile fresh = pending.staged(directory, name, request.pid());
    if (fresh == null) {
      fresh = own(request, directory, name);
    }
    if (fresh != null) {
      answerEntry(request, directory, name, entry(fresh));
      return;
    }
    when(
        request,
        names.lookup(directory, name),
        entry ->
            answerEntry(
                request,
                directory,
                name,
                pending.of(directory, name).isEmpty()
                    ? entry
                    : new Entry(entry.node(), 0, entry.attributeNanos(), entry.attributes())));
  }

  /** The file of that name which the caller is writing, or null. */
  private WriteFile own(FuseRequest request, long directory, byte[] name) {
    for (WriteFile file : pending.of(directory, name)) {
      if (judge.uses(file.users(), request.pid(), file.id())) {
        return file;
      }
    }
    return null;
  }

  /** Of a file being written nothing is kept: it changes, and its name may not be real yet. */
  private Entry entry(WriteFile file) {
    return new Entry(file.id(), 0, 0, names.attributes(file));
  }

  private void answerEntry(FuseRequest request, long directory, byte[] name, Entry entry) {
    if (entry.node() == 0) {
      request.entry(entry);
      return;
    }
    long inode = Names.inode(entry.node());
    nodes.lookedUp(inode, directory, name);
    if (!request.entry(entry)) {
      nodes.forget(inode, 1);
    }
  }

  @Override
  public void forget(long node, long lookups) {
    nodes.forget(Names.inode(node), lookups);
  }

  @Override
  public void getAttributes(FuseRequest request, long node, long handle) {
    long inode = Names.inode(node);
    WriteFile file = writing.get(inode);
    if (file != null) {
      request.attributes(names.attributes(file), 0);
      return;
    }
    answerAttributes(request, inode);
  }

  private void answerAttributes(FuseRequest request, long inode) {
    if (InodeIds.isDirectory(inode)) {
      when(
          request,
          names.directory(nodes.getOrNew(inode)),
          facts ->
              request.attributes(names.attributes(inode, facts), names.nameLeft(facts.atNanos())));
    } else {
      when(
          request,
          names.file(inode),
          facts -> request.attributes(names.attributes(inode, facts), names.attributesLeft(facts)));
    }
  }

  @Override
  public void setAttributes(FuseRequest request, long node, SetAttributes change) {
    long inode = Names.inode(node);
    later(
        request,
        () -> {
          if (settings.strictPermissions()) {
            refuseOtherPermissions(inode, change);
          }
          WriteFile file = writing.get(inode);
          if (file != null) {
            if (change.has(Abi.FATTR_SIZE)) {
              file.resize(change.size(), now());
            }
            file.setTimes(
                change.has(Abi.FATTR_MTIME) ? Math.max(0, change.mtimeNanos()) : -1,
                change.has(Abi.FATTR_ATIME) ? Math.max(0, change.atimeNanos()) : -1);
            request.attributes(names.attributes(file), 0);
            return;
          }
          if (change.has(Abi.FATTR_SIZE) && change.size() != get(names.file(inode)).size()) {
            throw new ErrnoException(Errno.EPERM, "a complete file keeps its size");
          }
          if (!InodeIds.isDirectory(inode)) {
            setTimes(inode, change);
          }
          answerAttributes(request, inode);
        });
  }

  private void refuseOtherPermissions(long inode, SetAttributes change) throws ErrnoException {
    int permissions = names.mode(inode) & ~Abi.S_IFMT;
    boolean other =
        (change.has(Abi.FATTR_MODE) && (change.mode() & 07777) != permissions)
            || (change.has(Abi.FATTR_UID) && change.uid() != settings.uid())
            || (change.has(Abi.FATTR_GID) && change.gid() != settings.gid());
    if (other) {
      throw new ErrnoException(Errno.EPERM, "permissions and owners are the mount's");
    }
  }

  private void setTimes(long inode, SetAttributes change) throws EggsException, IOException {
    long mtime = change.has(Abi.FATTR_MTIME) ? Math.max(0, change.mtimeNanos()) : -1;
    long atime = change.has(Abi.FATTR_ATIME) ? Math.max(0, change.atimeNanos()) : -1;
    if (mtime < 0 && atime < 0) {
      return;
    }
    client.setTimes(inode, mtime, atime);
    Node known = nodes.get(inode);
    if (known != null) {
      known.file(null);
    }
  }

  @Override
  public void access(FuseRequest request, long node, int mask) {
    long inode = Names.inode(node);
    int mode = names.mode(inode);
    int bits =
        request.uid() == settings.uid()
            ? mode >> 6
            : request.gid() == settings.gid() ? mode >> 3 : mode;
    if (request.uid() == 0) {
      // Root may all but execute what nobody may.
      bits = 6 | (InodeIds.isDirectory(inode) || (mode & 0111) != 0 ? 1 : 0);
    }
    request.error((mask & ~bits & 7) == 0 ? 0 : Errno.EACCES);
  }

  @Override
  public void readlink(FuseRequest request, long node) {
    later(request, () -> request.bytes(client.readlink(Names.inode(node))));
  }

  // Changes of directories.

  @Override
  public void symlink(FuseRequest request, long parent, byte[] name, byte[] target) {
    if (refuseLong(request, name)) {
      return;
    }
    long directory = Names.inode(parent);
    later(
        request,
        () -> {
          long inode = client.symlink(directory, name, target);
          names.changed(directory);
          Entry entry = get(names.entry(inode, nodes.getOrNew(directory), null, System.nanoTime()));
          answerEntry(request, directory, name, entry);
        });
  }

  @Override
  public void mknod(FuseRequest request, long parent, byte[] name, int mode) {
    if (refuseLong(request, name)) {
      return;
    }
    if ((mode & Abi.S_IFMT) != Abi.S_IFREG) {
      request.error(Errno.EPERM);
      return;
    }
    long directory = Names.inode(parent);
    later(
        request,
        () -> {
          try (FileWriter writer = client.create(directory, name)) {
            FileWriter.Committed made = writer.commitAndTell();
            names.changed(directory);
            Node.FileFacts facts =
                new Node.FileFacts(0, made.creationTime(), made.creationTime(), System.nanoTime());
            answerEntry(
                request,
                directory,
                name,
                new Entry(
                    made.id(),
                    names.nameLeft(facts.atNanos()),
                    names.attributesLeft(facts),
                    names.attributes(made.id(), facts)));
          }
        });
  }

  @Override
  public void mkdir(FuseRequest request, long parent, byte[] name, int mode) {
    if (refuseLong(request, name)) {
      return;
    }
    long directory = Names.inode(parent);
    later(
        request,
        () -> {
          long inode = client.mkdir(directory, name);
          names.changed(directory);
          Entry entry = get(names.entry(inode, nodes.getOrNew(directory), null, System.nanoTime()));
          answerEntry(request, directory, name, entry);
        });
  }

  @Override
  public void unlink(FuseRequest request, long parent, byte[] name) {
    long directory = Names.inode(parent);
    later(
        request,
        () -> {
          WriteFile own = own(request, directory, name);
          if (own != null && own.move(null)) {
            pending.remove(new Node.Place(directory, name), own);
            if (!exists(directory, name)) {
              request.ok();
              return;
            }
          }
          try {
            unlink(directory, name);
          } finally {
            names.changed(directory);
          }
          request.ok();
        });
  }

  /** With what was just looked up; if that is not right any more, once more from the beginning. */
  private void unlink(long directory, byte[] name) throws EggsException, IOException {
    Node node = nodes.get(directory);
    Node.Edge edge = node == null ? null : node.edge(name);
    if (edge != null && edge.target() != InodeIds.NULL && !InodeIds.isDirectory(edge.target())) {
      try {
        client.unlink(directory, name, edge.target(), edge.creationTime());
        return;
      } catch (EggsException e) {
        LOG.log(Level.DEBUG, "unlinking by a kept edge: {0}", e.code());
      }
    }
    client.unlink(directory, name);
  }

  @Override
  public void rmdir(FuseRequest request, long parent, byte[] name) {
    long directory = Names.inode(parent);
    later(
        request,
        () -> {
          try {
            client.rmdir(directory, name);
          } finally {
            names.changed(directory);
          }
          request.ok();
        });
  }

  @Override
  public void rename(
      FuseRequest request,
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      int flags) {
    if (refuseLong(request, oldName) || refuseLong(request, newName)) {
      return;
    }
    if ((flags & ~Abi.RENAME_NOREPLACE) != 0) {
      request.error(Errno.EINVAL);
      return;
    }
    long from = Names.inode(oldParent);
    long to = Names.inode(newParent);
    boolean replace = (flags & Abi.RENAME_NOREPLACE) == 0;
    later(
        request,
        () -> {
          WriteFile own = own(request, from, oldName);
          if (own != null) {
            if (!replace && exists(to, newName)) {
              throw new ErrnoException(Errno.EEXIST, "the name exists");
            }
            if (moveUnfinished(own, new Node.Place(from, oldName), new Node.Place(to, newName))) {
              request.ok();
              return;
            }
          }
          try {
            rename(from, oldName, to, newName, replace);
          } finally {
            names.changed(from);
            names.changed(to);
          }
          request.ok();
        });
  }

  /** Renaming what is not complete yet only changes where it will appear. */
  private boolean moveUnfinished(WriteFile file, Node.Place from, Node.Place to)
      throws IOException {
    if (InodeIds.shard(file.id()) != InodeIds.shard(to.directory())) {
      // The file is in the shard of the directory it was made in.
      throw new ErrnoException(Errno.EXDEV, "a file being written stays in its shard");
    }
    if (!file.move(to)) {
      return false;
    }
    pending.add(to, file, false);
    pending.remove(from, file);
    nodes.getOrNew(file.id()).foundAt(to.directory(), to.name());
    return true;
  }

  private void rename(long from, byte[] oldName, long to, byte[] newName, boolean replace)
      throws EggsException, IOException {
    long moved = client.lookup(from, oldName);
    if (!replace && exists(to, newName)) {
      throw new ErrnoException(Errno.EEXIST, "the name exists");
    }
    try {
      client.rename(from, oldName, to, newName);
    } catch (EggsException e) {
      if (e.code() != ErrorCode.CANNOT_OVERRIDE_NAME) {
        throw e;
      }
      replaceDirectory(moved, from, oldName, to, newName);
    }
    Node node = nodes.get(moved);
    if (node != null) {
      node.foundAt(to, newName);
    }
  }

  /** An empty directory may be replaced by another one; the server does that in two steps. */
  private void replaceDirectory(long moved, long from, byte[] oldName, long to, byte[] newName)
      throws EggsException, IOException {
    long present = client.lookup(to, newName);
    if (present == moved) {
      return;
    }
    if (!InodeIds.isDirectory(moved)) {
      throw new ErrnoException(Errno.EISDIR, "a directory has the name");
    }
    if (!InodeIds.isDirectory(present)) {
      throw new ErrnoException(Errno.ENOTDIR, "something that is no directory has the name");
    }
    client.rmdir(to, newName);
    client.rename(from, oldName, to, newName);
  }

  private boolean exists(long directory, byte[] name) throws EggsException, IOException {
    try {
      client.lookup(directory, name);
      return true;
    } catch (EggsException e) {
      if (e.code() == ErrorCode.NAME_NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** Only a file without a name can get one, once (open(2), O_TMPFILE). */
  @Override
  public void link(FuseRequest request, long node, long newParent, byte[] newName) {
    if (refuseLong(request, newName)) {
      return;
    }
    WriteFile file = writing.get(Names.inode(node));
    if (file == null || file.place() != null) {
      request.error(Errno.EPERM);
      return;
    }
    long directory = Names.inode(newParent);
    if (InodeIds.shard(directory) != InodeIds.shard(file.id())) {
      // The file is in the shard of the directory it was made in.
      request.error(Errno.EXDEV);
      return;
    }
    later(
        request,
        () -> {
          if (file.commitAs(new Node.Place(directory, newName))) {
            committed(file);
          }
          names.changed(directory);
          answerEntry(request, directory, newName, entry(file));
        });
  }

  // Files.

  @Override
  public void create(FuseRequest request, long parent, byte[] name, int flags, int mode) {
    if (refuseLong(request, name)) {
      return;
    }
    long directory = Names.inode(parent);
    boolean exclusive = (flags & Abi.O_EXCL) != 0;
    later(
        request,
        () -> {
          Node.Place place = new Node.Place(directory, name);
          WriteFile file = begin(request.pid(), place, exclusive);
          nodes.lookedUp(file.id(), directory, name);
          long handle = handles.add(new Handles.Writing(file, isForWriting(flags)));
          file.opened();
          if (!request.created(entry(file), handle, Abi.FOPEN_KEEP_CACHE)) {
            nodes.forget(file.id(), 1);
            handles.remove(handle);
            drop(file);
          }
        });
  }

  @Override
  public void tmpfile(FuseRequest request, long parent, int flags, int mode) {
    long directory = Names.inode(parent);
    later(
        request,
        () -> {
          WriteFile file = begin(request.pid(), new Node.Place(directory, null), false);
          nodes.lookedUp(file.id(), directory, null);
          long handle = handles.add(new Handles.Writing(file, isForWriting(flags)));
          file.opened();
          if (!request.created(entry(file), handle, Abi.FOPEN_KEEP_CACHE)) {
            nodes.forget(file.id(), 1);
            handles.remove(handle);
            drop(file);
          }
        });
  }

  private static boolean isForWriting(int flags) {
    return (flags & Abi.O_ACCMODE) != Abi.O_RDONLY;
  }

  /** Begins a new file; a place without a name is for one that may get a name later. */
  private WriteFile begin(int thread, Node.Place place, boolean exclusive)
      throws EggsException, IOException {
    boolean named = place.name() != null;
    CloseJudge.Users users = judge.created(thread);
    byte[] name = named ? place.name() : NOTHING;
    TransientFile spare = spares.take(InodeIds.shard(place.directory()));
    LockSupport.unpark(upkeep);
    FileWriter writer =
        spare == null
            ? client.create(place.directory(), name)
            : client.create(place.directory(), name, spare);
    boolean good = false;
    try {
      WriteFile file =
          new WriteFile(
              client, writer, writer.construct(), named ? place : null, users, exclusive, now());
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

  /** The end of a file being written, committed or not. */
  private void drop(WriteFile file) {
    writing.remove(file.id(), file);
    Node.Place place = file.place();
    if (place != null) {
      pending.remove(place, file);
    }
    file.end();
  }

  @Override
  public void open(FuseRequest request, long node, int flags) {
    long inode = Names.inode(node);
    WriteFile file = writing.get(inode);
    if (file != null) {
      openUnfinished(request, file, flags);
      return;
    }
    boolean truncate = (flags & Abi.O_TRUNC) != 0;
    if (!isForWriting(flags) && !truncate) {
      openForReading(request, inode, flags);
      return;
    }
    later(
        request,
        () -> {
          // There is nothing to keep of an empty file, so that one may also be written.
          if (!truncate && get(names.file(inode)).size() != 0) {
            throw new ErrnoException(Errno.EPERM, "a complete file cannot be changed");
          }
          stageNewVersion(request, inode);
        });
  }

  private void openForReading(FuseRequest request, long inode, int flags) {
    Node known = nodes.get(inode);
    Node.FileFacts facts = known == null ? null : known.file();
    boolean quietly = !settings.updateAccessTimes() || (flags & Abi.O_NOATIME) != 0;
    if (!quietly && facts != null) {
      long now = now();
      if (facts.atime() <= facts.mtime() || now - facts.atime() > ACCESS_TIME_NANOS) {
        client.touchAccessTime(inode, now);
        known.file(new Node.FileFacts(facts.size(), facts.mtime(), now, facts.atNanos()));
      }
    }
    ReadFiles.Shared shared = readFiles.use(inode);
    long handle = handles.add(new Handles.Reading(shared));
    if (!request.opened(handle, Abi.FOPEN_KEEP_CACHE | Abi.FOPEN_NOFLUSH)) {
      handles.remove(handle);
      shared.release();
    }
  }

  private void openUnfinished(FuseRequest request, WriteFile file, int flags) {
    Node.Place place = file.place();
    if (place != null && pending.take(place, file)) {
      openWriting(request, file, flags);
      return;
    }
    if ((flags & Abi.O_TRUNC) == 0 || file.size() == 0) {
      openWriting(request, file, flags);
      return;
    }
    later(
        request,
        () -> {
          file.resize(0, now());
          openWriting(request, file, flags);
        });
  }

  private void openWriting(FuseRequest request, WriteFile file, int flags) {
    long handle = handles.add(new Handles.Writing(file, isForWriting(flags)));
    file.opened();
    if (!request.opened(handle, Abi.FOPEN_KEEP_CACHE)) {
      handles.remove(handle);
      if (file.released()) {
        drop(file);
      }
    }
  }

  private void stageNewVersion(FuseRequest request, long inode) throws EggsException, IOException {
    Node known = nodes.get(inode);
    Node.Place place = known == null ? null : known.place();
    if (place == null || place.name() == null) {
      throw new ErrnoException(Errno.EPERM, "a file without a known name cannot be replaced");
    }
    if (pending.staged(place.directory(), place.name(), request.pid()) != null) {
      // It was not looked up by name, so the kernel came back to the old version.
      throw new ErrnoException(Errno.EPERM, "a complete file cannot be changed");
    }
    WriteFile file = begin(request.pid(), place, false);
    WriteFile replaced = pending.stage(place, file, request.pid());
    if (replaced != null) {
      drop(replaced);
    }
    request.error(Errno.ESTALE);
  }

  @Override
  public void read(FuseRequest request, long node, long handle, long offset, int size) {
    switch (handles.get(handle)) {
      case Handles.Reading reading ->
          later(
              request,
              () -> {
                ByteBuffer into = request.dataBuffer(Math.min(size, FuseSession.DATA_SIZE_MAX));
                request.data(Math.max(0, reading.file().reader().read(offset, into)));
              });
      case Handles.Writing unfinished ->
          later(
              request,
              () -> {
                ByteBuffer into = request.dataBuffer(Math.min(size, FuseSession.DATA_SIZE_MAX));
                request.data(unfinished.file().read(offset, into));
              });
      case DirectoryHandle directory -> request.error(Errno.EISDIR);
      case null -> request.error(Errno.EBADF);
    }
  }

  @Override
  public void write(
      FuseRequest request,
      long node,
      long handle,
      long offset,
      ByteBuffer data,
      boolean fromCache) {
    if (!(handles.get(handle) instanceof Handles.Writing open) || !open.writable()) {
      request.error(Errno.EBADF);
      return;
    }
    later(
        request,
        () -> {
          if (!fromCache) {
            judge.wrote(open.file().users(), request.pid());
          }
          int count = data.remaining();
          open.file().write(offset, data, now());
          request.written(count);
        });
  }

  @Override
  public void flush(FuseRequest request, long node, long handle) {
    if (!(handles.get(handle) instanceof Handles.Writing open)) {
      request.ok();
      return;
    }
    later(
        request,
        () -> {
          WriteFile file = open.file();
          CloseJudge.Verdict verdict = judge.judge(file.users(), request.pid(), file.id());
          file.lastVerdict(verdict);
          switch (verdict) {
            case COMPLETE -> commit(file);
            case ABANDONED -> file.discard();
            case NOT_LAST, UNDECIDED -> {}
          }
          request.ok();
        });
  }

  private void commit(WriteFile file) throws EggsException, IOException {
    Node.Place place = file.place();
    if (place == null) {
      return;
    }
    try {
      if (file.commit()) {
        committed(file);
      }
    } finally {
      names.changed(place.directory());
    }
  }

  /**
   * From now on it is a complete file like any other, whoever asks: the kernel gives its handle
   * back only later.
   */
  private void committed(WriteFile file) {
    nodes
        .getOrNew(file.id())
        .file(new Node.FileFacts(file.size(), file.mtime(), file.atime(), System.nanoTime()));
    writing.remove(file.id(), file);
    Node.Place place = file.place();
    if (place != null) {
      pending.remove(place, file);
    }
  }

  @Override
  public void release(FuseRequest request, long node, long handle) {
    switch (handles.remove(handle)) {
      case Handles.Reading reading -> {
        request.ok();
        reading.file().release();
      }
      case Handles.Writing open ->
          later(
              request,
              () -> {
                if (open.file().released()) {
                  lastRelease(open.file());
                }
                request.ok();
              });
      case DirectoryHandle directory -> request.error(Errno.EINVAL);
      case null -> request.error(Errno.EBADF);
    }
  }

  /** What no close could decide, or did not know to be the last, is decided now. */
  private void lastRelease(WriteFile file) {
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

  /**
   * Complete files are durable. One being written is not visible before its end whatever happens,
   * so nothing is gained by cutting its spans short: what is waited for are spans in flight.
   */
  @Override
  public void fsync(FuseRequest request, long node, long handle) {
    if (!(handles.get(handle) instanceof Handles.Writing open)) {
      request.ok();
      return;
    }
    later(
        request,
        () -> {
          if (settings.commitOnFsync()) {
            commit(open.file());
          } else {
            open.file().sync();
          }
          request.ok();
        });
  }

  @Override
  public void fallocate(
      FuseRequest request, long node, long handle, long offset, long length, int mode) {
    if (!(handles.get(handle) instanceof Handles.Writing open) || !open.writable()) {
      request.error(Errno.EPERM);
    } else if ((mode & ~Abi.FALLOC_FL_KEEP_SIZE) != 0) {
      request.error(Errno.EOPNOTSUPP);
    } else {
      // A hint: space is taken when spans are written.
      request.ok();
    }
  }

  @Override
  public void lseek(FuseRequest request, long node, long handle, long offset, int whence) {
    long inode = Names.inode(node);
    WriteFile file = writing.get(inode);
    if (file != null) {
      seek(request, offset, whence, file.size());
      return;
    }
    when(request, names.file(inode), facts -> seek(request, offset, whence, facts.size()));
  }

  /** There are no holes but the one at the end. */
  private static void seek(FuseRequest request, long offset, int whence, long size) {
    if (offset >= size) {
      request.error(Errno.ENXIO);
    } else if (whence == Abi.SEEK_DATA) {
      request.offset(offset);
    } else if (whence == Abi.SEEK_HOLE) {
      request.offset(size);
    } else {
      request.error(Errno.EINVAL);
    }
  }

  // Directories.

  @Override
  public void openDirectory(FuseRequest request, long node) {
    Node directory = nodes.getOrNew(Names.inode(node));
    when(
        request,
        names.directory(directory),
        facts -> {
          boolean same = directory.listed(facts.mtime());
          long handle = handles.add(new DirectoryHandle(client, names, directory));
          int flags = Abi.FOPEN_CACHE_DIR | (same ? Abi.FOPEN_KEEP_CACHE : 0);
          if (!request.opened(handle, flags)) {
            handles.remove(handle);
          }
        });
  }

  @Override
  public void readDirectory(
      FuseRequest request, long node, long handle, long offset, int size, boolean plus) {
    if (!(handles.get(handle) instanceof DirectoryHandle directory)) {
      request.error(Errno.EBADF);
      return;
    }
    later(
        request,
        () -> {
          long inode = Names.inode(node);
          Node.DirectoryFacts facts = nodes.getOrNew(inode).directory();
          long owner = facts == null || inode == InodeIds.ROOT ? inode : facts.owner();
          DirectoryPage page = request.page(size, plus);
          List<Long> told = new ArrayList<>();
          boolean taken = false;
          try {
            told = directory.fill(page, offset, owner);
            taken = request.page(page);
          } finally {
            if (!taken) {
              told.forEach(id -> nodes.forget(id, 1));
            }
          }
        });
  }

  @Override
  public void releaseDirectory(FuseRequest request, long node, long handle) {
    request.error(handles.remove(handle) == null ? Errno.EBADF : 0);
  }

  @Override
  public void fsyncDirectory(FuseRequest request, long node) {
    request.ok();
  }

  // The whole.

  @Override
  public void statfs(FuseRequest request) {
    later(request, () -> request.figures(capacity.figures()));
  }

  @Override
  public void syncfs(FuseRequest request) {
    request.ok();
  }

  @Override
  public void getExtendedAttribute(FuseRequest request, long node, String name, int size) {
    if (!ExtendedAttributes.isOurs(name)) {
      request.error(Errno.ENODATA);
      return;
    }
    long inode = Names.inode(node);
    later(
        request,
        () -> {
          Node known = nodes.get(inode);
          long directory = known == null ? InodeIds.ROOT : known.place().directory();
          request.attributeValue(extendedAttributes.value(name, inode, directory), size);
        });
  }

  @Override
  public void listExtendedAttributes(FuseRequest request, long node, int size) {
    request.attributeValue(NOTHING, size);
  }

  @Override
  public void changeExtendedAttribute(FuseRequest request, long node) {
    request.error(Errno.EOPNOTSUPP);
  }
}
