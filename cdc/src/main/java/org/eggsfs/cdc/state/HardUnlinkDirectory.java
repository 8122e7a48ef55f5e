package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryResponse;
import org.eggsfs.protocol.shard.RemoveInodeRequest;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * HARD_UNLINK_DIRECTORY (cdc.md section 6.5): one request. It comes here for the locks alone, as a
 * directory without an owner may be in the middle of another transaction.
 */
final class HardUnlinkDirectory extends Transaction {
  private final HardUnlinkDirectoryRequest request;

  HardUnlinkDirectory(long id, ClientRequest client, HardUnlinkDirectoryRequest request) {
    super(id, client, InodeIds.NULL);
    this.request = request;
  }

  @Override
  Locks wantedLocks() {
    return Locks.builder()
        .exclusive(LockKey.directory(request.dirId()))
        .exclusive(LockKey.parent(request.dirId()))
        .build();
  }

  @Override
  void begin(Effects effects) {
    resume(effects);
  }

  @Override
  void resume(Effects effects) {
    beginStep();
    long directory = request.dirId();
    send(effects, 0, directory, new RemoveInodeRequest(directory), Due.STARTED);
  }

  @Override
  String stepName() {
    return "REMOVE_INODE";
  }

  @Override
  void answered(Effects effects, int sub, ShardResponse response) {
    succeed(new HardUnlinkDirectoryResponse());
  }

  @Override
  void failed(Effects effects, int sub, ErrorCode error) {
    fail(error);
  }

  @Override
  void encodeState(ByteBuffer out) {
    out.put((byte) 1);
  }

  @Override
  void decodeState(ByteBuffer in) {
    if (in.get() != 1) {
      throw new IllegalStateException("unknown step of a directory's destruction");
    }
  }
}
