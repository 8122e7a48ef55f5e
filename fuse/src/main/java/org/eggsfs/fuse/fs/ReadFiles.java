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
  private final EggsClient client;
  private final Map<Long, Shared> open = new HashMap<>();

  ReadFiles(EggsClient client) {
    this.client = client;
  }

  /** The reader of one inode. */
  final class Shared {
    private final long id;
    private int users;
    private FileReader reader;

    private Shared(long id) {
      this.id = id;
    }

    /** The reader, opened now if nobody has read yet. */
    synchronized FileReader reader() throws EggsException, IOException {
      if (reader == null) {
        reader = client.files().open(id);
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

  /** Another user of an inode's reader. */
  Shared use(long id) {
    synchronized (open) {
      Shared shared = open.computeIfAbsent(id, Shared::new);
      shared.users++;
      return shared;
    }
  }
}
