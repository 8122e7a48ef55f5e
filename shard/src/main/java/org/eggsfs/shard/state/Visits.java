package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.struct.TransientFile;
import org.eggsfs.store.Cursor;

/** VisitDirectories, VisitFiles, VisitTransientFiles, BlockServiceFiles (shard.md section 6). */
final class Visits {
  /** Cursor and list count. */
  private static final int FIXED = 10;

  private static final int ID_SIZE = 8;
  private static final int TRANSIENT_SIZE = 24;

  /** BlockServiceFiles asks for no size: what the default datagram holds. */
  private static final int BLOCK_SERVICE_FILES_MAX = 179;

  private Visits() {}

  /** Ids of a table whose key is one id. */
  private record Ids(long nextId, long[] ids) {}

  static VisitDirectoriesResponse directories(Reading reading, VisitDirectoriesRequest request) {
    Ids ids = ids(reading, Keys.DIRECTORIES, request.beginId(), request.mtu());
    return new VisitDirectoriesResponse(ids.nextId, ids.ids);
  }

  static VisitFilesResponse files(Reading reading, VisitFilesRequest request) {
    Ids ids = ids(reading, Keys.FILES, request.beginId(), request.mtu());
    return new VisitFilesResponse(ids.nextId, ids.ids);
  }

  private static Ids ids(Reading reading, int table, long beginId, int mtu) {
    byte[] start = Keys.of(reading.shard(), table, beginId);
    long[] ids = new long[(reading.budget(mtu) - FIXED) / ID_SIZE];
    int count = 0;
    long nextId = 0;
    try (Cursor cursor = cursor(reading, start)) {
      for (cursor.seek(start); isIn(cursor, start); cursor.next()) {
        long id = Keys.first(cursor.key());
        if (count == ids.length) {
          nextId = id;
          break;
        }
        ids[count++] = id;
      }
    }
    return new Ids(nextId, Arrays.copyOf(ids, count));
  }

  /** For one table of the shard alone: behind it are removed rows of other tables. */
  private static Cursor cursor(Reading reading, byte[] anyKeyOfTable) {
    return reading.view().cursor(Arrays.copyOf(anyKeyOfTable, Keys.PREFIX));
  }

  private static boolean isIn(Cursor cursor, byte[] anyKeyOfTable) {
    return cursor.isValid() && Bytes.hasPrefix(cursor.key(), anyKeyOfTable, Keys.PREFIX);
  }

  static VisitTransientFilesResponse transientFiles(
      Reading reading, VisitTransientFilesRequest request) {
    byte[] start = Keys.of(reading.shard(), Keys.TRANSIENT, request.beginId());
    int countMax = (reading.budget(request.mtu()) - FIXED) / TRANSIENT_SIZE;
    List<TransientFile> files = new ArrayList<>();
    long nextId = 0;
    try (Cursor cursor = cursor(reading, start)) {
      for (cursor.seek(start); isIn(cursor, start); cursor.next()) {
        long id = Keys.first(cursor.key());
        if (files.size() == countMax) {
          nextId = id;
          break;
        }
        TransientTable.Row row = TransientTable.decode(id, cursor.value());
        files.add(new TransientFile(id, reading.cookie(id), row.deadline));
      }
    }
    return new VisitTransientFilesResponse(nextId, files);
  }

  static BlockServiceFilesResponse blockServiceFiles(
      Reading reading, BlockServiceFilesRequest request) {
    byte[] start =
        BlockServiceFilesTable.key(reading.shard(), request.blockServiceId(), request.startFrom());
    long[] files = new long[BLOCK_SERVICE_FILES_MAX];
    int count = 0;
    int prefix = Keys.PREFIX + ID_SIZE;
    try (Cursor cursor = reading.view().cursor(Arrays.copyOf(start, prefix))) {
      for (cursor.seek(start);
          cursor.isValid() && count < files.length && Bytes.hasPrefix(cursor.key(), start, prefix);
          cursor.next()) {
        files[count++] = BlockServiceFilesTable.file(cursor.key());
      }
    }
    return new BlockServiceFilesResponse(Arrays.copyOf(files, count));
  }
}
