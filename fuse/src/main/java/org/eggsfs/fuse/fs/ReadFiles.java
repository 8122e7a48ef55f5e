package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.protocol.EggsException;

/**
 * Readers of complete files, one per inode however often it is open, made at the first read:
 * opening a file costs nothing, and what is read ahead is shared. Their windows come from the
 * client's bounded pool.
 */
final class ReadFiles {
  /** A size that has to be asked for. */
  static final long UNKNOWN = -1;

  private final EggsClient client;
  private final Map<Long, Shared> open = new HashMap<>();

  ReadFiles(EggsClient client) {
    this.client = client;
  }

  /** The reader of one inode. */
  final class Shared {
    private final long id;
    private final long size;
    private int users;
    private FileReader reader;

    private Shared(long id, long size) {
      this.id = id;
      this.size = size;
    }

    /** The reader, opened now if nobody has read yet. */
    synchronized FileReader reader() throws EggsException, IOException {
      if (reader == null) {
        reader = size == UNKNOWN ? client.files().open(id) : client.files().open(id, size);
      }
      return reader;
    }

    private synchronized void close() {
      if (reader != null) {
        reader.close();
        reader = null;
      }
    }

    /** Gives it back. */
    void release() {
      synchronized (open) {
        if (--users > 0) {
          return;
        }
        open.remove(id);
      }
      close();
    }
  }

  /**
   * Another user of an inode's reader.
   *
   * @param size of the file, or {@link #UNKNOWN}
   */
  Shared use(long id, long size) {
    synchronized (open) {
      Shared shared = open.computeIfAbsent(id, inode -> new Shared(inode, size));
      shared.users++;
      return shared;
    }
  }
}
