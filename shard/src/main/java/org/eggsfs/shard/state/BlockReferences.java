package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.View;

/** The blocks that the files of a shard consist of, for checks of what is on disks. */
public final class BlockReferences {
  private BlockReferences() {}

  /** Is told of each block. */
  public interface Visitor {
    /**
     * One block.
     *
     * @param blockSize its bytes
     * @param linked whether its file is linked; a block of a transient file may be not yet written,
     *     or erased already
     */
    void visit(long service, long block, long blockSize, boolean linked);
  }

  /** Visits the blocks of all files, by file and offset. */
  public static void forEach(View view, int shard, Visitor visitor) {
    byte[] prefix = Keys.start(shard, Keys.SPANS, Keys.PREFIX);
    long file = InodeIds.NULL;
    boolean linked = false;
    try (Cursor cursor = view.cursor()) {
      cursor.seek(prefix);
      while (cursor.isValid() && Bytes.hasPrefix(cursor.key(), prefix, prefix.length)) {
        if (SpansTable.file(cursor.key()) != file) {
          file = SpansTable.file(cursor.key());
          linked = view.get(FilesTable.key(shard, file)) != null;
        }
        for (Span.Location location : SpansTable.decode(cursor.value()).locations()) {
          for (int i = 0; i < location.count(); i++) {
            visitor.visit(
                location.services()[i], location.blocks()[i], location.blockSize(), linked);
          }
        }
        cursor.next();
      }
    }
  }
}
