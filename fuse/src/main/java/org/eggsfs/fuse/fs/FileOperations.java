package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.fuse.kernel.Abi;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseRequest;
import org.eggsfs.fuse.kernel.FuseSession;
import org.eggsfs.protocol.EggsException;

/** Files: making, opening, reading, writing, completing them. */
final class FileOperations {
  /** An access time is only updated when it is older than this or than the last change. */
  private static final long ACCESS_TIME_NANOS = TimeUnit.HOURS.toNanos(1);

  private final EggsClient client;
  private final MountSettings settings;
  private final Nodes nodes;
  private final Names names;
  private final Handles handles;
  private final ReadFiles readFiles;
  private final Unfinished unfinished;

  FileOperations(
      EggsClient client,
      MountSettings settings,
      Names names,
      Handles handles,
      Unfinished unfinished) {
    this.client = client;
    this.settings = settings;
    this.nodes = names.nodes();
    this.names = names;
    this.handles = handles;
    this.readFiles = new ReadFiles(client);
    this.unfinished = unfinished;
  }

  void create(FuseRequest request, long parent, byte[] name, int flags) {
    if (!Names.refuseLong(request, name)) {
      boolean exclusive = (flags & Abi.O_EXCL) != 0;
      create(request, new Node.Place(Names.inode(parent), name), flags, exclusive);
    }
  }

  void tmpfile(FuseRequest request, long parent, int flags) {
    create(request, new Node.Place(Names.inode(parent), null), flags, false);
  }

  private void create(FuseRequest request, Node.Place place, int flags, boolean exclusive) {
    Waiting.later(
        request,
        () -> {
          WriteFile file = unfinished.begin(request.pid(), place, exclusive);
          nodes.lookedUp(file.id(), place.directory(), place.name());
          file.opened();
          long handle = handles.add(new Handles.Writing(file, isForWriting(flags)));
          if (!request.created(names.entry(file), handle, cacheFlag(file, flags))) {
            nodes.forget(file.id(), 1);
            handles.remove(handle);
            unfinished.drop(file);
          }
        });
  }

  private static int cacheFlag(WriteFile file, int flags) {
    boolean direct = file.isDirect((flags & Abi.O_ACCMODE) == Abi.O_RDWR);
    return direct ? Abi.FOPEN_DIRECT_IO : Abi.FOPEN_KEEP_CACHE;
  }

  private static boolean isForWriting(int flags) {
    return (flags & Abi.O_ACCMODE) != Abi.O_RDONLY;
  }

  void open(FuseRequest request, long node, int flags) {
    long inode = Names.inode(node);
    WriteFile file = unfinished.get(inode);
    if (file != null) {
      openUnfinished(request, file, flags);
      return;
    }
    boolean truncate = (flags & Abi.O_TRUNC) != 0;
    if (!isForWriting(flags) && !truncate) {
      openForReading(request, inode, flags);
      return;
    }
    Waiting.later(
        request,
        () -> {
          // There is nothing to keep of an empty file, so that one may also be written.
          if (!truncate && Waiting.get(names.file(inode)).size() != 0) {
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
      long now = WriteFile.now();
      if (facts.atime() <= facts.mtime() || now - facts.atime() > ACCESS_TIME_NANOS) {
        client.inodes().touchAccessTime(inode, now);
        known.file(new Node.FileFacts(facts.size(), facts.mtime(), now, facts.atNanos()));
      }
    }
    ReadFiles.Shared shared =
        readFiles.use(inode, facts == null ? ReadFiles.UNKNOWN : facts.size());
    long handle = handles.add(new Handles.Reading(shared));
    if (!request.opened(handle, Abi.FOPEN_KEEP_CACHE | Abi.FOPEN_NOFLUSH)) {
      handles.remove(handle);
      shared.release();
    }
  }

  private void openUnfinished(FuseRequest request, WriteFile file, int flags) {
    boolean forWriting = isForWriting(flags) || (flags & Abi.O_TRUNC) != 0;
    boolean fresh = forWriting && unfinished.takeStaged(file, request.pid());
    if (!fresh && unfinished.isStaged(file)) {
      // It is not this one's: for everybody else the name leads to the old version.
      request.error(Errno.ESTALE);
      return;
    }
    // What waited for its opener is empty already, whatever the flags say.
    if (fresh || (flags & Abi.O_TRUNC) == 0 || file.size() == 0) {
      openWriting(request, file, flags);
      return;
    }
    Waiting.later(
        request,
        () -> {
          file.resize(0);
          openWriting(request, file, flags);
        });
  }

  private void openWriting(FuseRequest request, WriteFile file, int flags) {
    file.opened();
    Handles.Writing open = new Handles.Writing(file, isForWriting(flags));
    long handle = handles.add(open);
    if (!request.opened(handle, cacheFlag(file, flags))) {
      handles.remove(handle);
      open.touch();
      if (file.released()) {
        unfinished.drop(file);
      }
    }
  }

  private void stageNewVersion(FuseRequest request, long inode) throws EggsException, IOException {
    Node known = nodes.get(inode);
    Node.Place place = known == null ? null : known.place();
    if (place == null || place.name() == null) {
      throw new ErrnoException(Errno.EPERM, "a file without a known name cannot be replaced");
    }
    unfinished.stage(request.pid(), place);
    request.error(Errno.ESTALE);
  }

  void read(FuseRequest request, long handle, long offset, int size) {
    switch (handles.get(handle)) {
      case Handles.Reading reading ->
          Waiting.later(request, () -> read(request, reading.file().reader(), offset, size));
      case Handles.Writing writing ->
          Waiting.later(
              request,
              () -> {
                ByteBuffer into = request.dataBuffer(Math.min(size, FuseSession.DATA_SIZE_MAX));
                request.data(writing.file().read(offset, into));
              });
      case DirectoryHandle directory -> request.error(Errno.EISDIR);
      case null -> request.error(Errno.EBADF);
    }
  }

  private static void read(FuseRequest request, FileReader reader, long offset, int size)
      throws EggsException, IOException {
    int count = Math.min(size, FuseSession.DATA_SIZE_MAX);
    if (!reader.show(offset, count, request::data)) {
      ByteBuffer into = request.dataBuffer(count);
      request.data(Math.max(0, reader.read(offset, into)));
    }
  }

  void write(FuseRequest request, long handle, long offset, ByteBuffer data, boolean fromCache) {
    if (!(handles.get(handle) instanceof Handles.Writing open) || !open.writable()) {
      request.error(Errno.EBADF);
      return;
    }
    Waiting.later(
        request,
        () -> {
          if (!fromCache) {
            unfinished.wrote(open.file(), request.pid());
          }
          int count = data.remaining();
          boolean done = false;
          try {
            open.file().write(offset, data);
            done = true;
          } finally {
            if (fromCache && !done) {
              open.file().fail();
            }
          }
          request.written(count);
        });
  }

  void flush(FuseRequest request, long handle) {
    if (!(handles.get(handle) instanceof Handles.Writing open)) {
      request.ok();
      return;
    }
    Waiting.later(
        request,
        () -> {
          open.touch();
          unfinished.closed(open.file(), request.pid());
          request.ok();
        });
  }

  void release(FuseRequest request, long handle) {
    switch (handles.remove(handle)) {
      case Handles.Reading reading -> {
        request.ok();
        reading.file().release();
      }
      case Handles.Writing open ->
          Waiting.later(
              request,
              () -> {
                open.touch();
                unfinished.released(open.file());
                request.ok();
              });
      case DirectoryHandle directory -> request.error(Errno.EINVAL);
      case null -> request.error(Errno.EBADF);
    }
  }

  /**
   * Complete files are durable. One being written is not visible before its end whatever happens,
   * so nothing is gained by cutting its spans short: what is waited for are spans in flight.
   */
  void fsync(FuseRequest request, long handle) {
    if (!(handles.get(handle) instanceof Handles.Writing open)) {
      request.ok();
      return;
    }
    Waiting.later(
        request,
        () -> {
          if (settings.commitOnFsync()) {
            unfinished.commit(open.file());
          } else {
            open.file().sync();
          }
          request.ok();
        });
  }

  void fallocate(FuseRequest request, long handle, int mode) {
    if (!(handles.get(handle) instanceof Handles.Writing open) || !open.writable()) {
      request.error(Errno.EPERM);
    } else if ((mode & ~Abi.FALLOC_FL_KEEP_SIZE) != 0) {
      request.error(Errno.EOPNOTSUPP);
    } else {
      // A hint: space is taken when spans are written.
      request.ok();
    }
  }

  void lseek(FuseRequest request, long node, long offset, int whence) {
    long inode = Names.inode(node);
    WriteFile file = unfinished.get(inode);
    if (file != null) {
      seek(request, offset, whence, file.size());
      return;
    }
    Waiting.when(request, names.file(inode), facts -> seek(request, offset, whence, facts.size()));
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
}
