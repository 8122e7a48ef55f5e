package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import org.eggsfs.protocol.shard.StatTransientFileRequest;
import org.eggsfs.protocol.shard.StatTransientFileResponse;

/** Lookup, StatFile, StatTransientFile, StatDirectory (shard.md section 6). */
final class Stats {
  private Stats() {}

  /** A locked edge is returned like any other. */
  static LookupResponse lookup(Reading reading, LookupRequest request) throws EggsException {
    reading.directory(request.dirId(), false);
    EdgesTable.Current edge =
        EdgesTable.current(reading.view(), reading.shard(), request.dirId(), request.name());
    Checks.require(edge != null, ErrorCode.NAME_NOT_FOUND);
    return new LookupResponse(edge.target(), edge.creationTime());
  }

  static StatFileResponse file(Reading reading, StatFileRequest request) throws EggsException {
    FilesTable.Row row = reading.file(request.id());
    return new StatFileResponse(row.mtime(), row.atime(), row.size());
  }

  /** Also past the deadline, and whatever the type. */
  static StatTransientFileResponse transientFile(Reading reading, StatTransientFileRequest request)
      throws EggsException {
    TransientTable.Row row = TransientTable.get(reading.view(), reading.shard(), request.id());
    Checks.require(row != null, ErrorCode.FILE_NOT_FOUND);
    return new StatTransientFileResponse(row.mtime, row.size, row.note);
  }

  static StatDirectoryResponse directory(Reading reading, StatDirectoryRequest request)
      throws EggsException {
    DirectoriesTable.Row row = reading.directory(request.id(), true);
    return new StatDirectoryResponse(row.mtime(), row.owner(), row.info());
  }
}
