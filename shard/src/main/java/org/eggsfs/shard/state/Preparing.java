package org.eggsfs.shard.state;

import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.ShardRequest;

/** One request being prepared: the context and the checks that need the shard's identity. */
record Preparing(PrepareContext context, int shard, CbcMac cookieKey, long deadlineInterval) {
  /** SHARD of shard.md section 7. */
  void shard(long id) throws EggsException {
    if (InodeIds.shard(id) != shard) {
      throw new EggsException(ErrorCode.BAD_SHARD);
    }
  }

  /** COOKIE of shard.md section 7. */
  void cookie(long file, long cookie) throws EggsException {
    if (Certificates.cookie(cookieKey, file) != cookie) {
      throw new EggsException(ErrorCode.BAD_COOKIE);
    }
  }

  /** The deadline of a transient file that is modified now (W9: decided once, for all replicas). */
  long deadline() {
    return context.time() + deadlineInterval;
  }

  /** A request that decides nothing. */
  static Operation plain(ShardRequest request) {
    return new Operation.Plain(request, 0);
  }

  /** A request by a file's writer, which prolongs the file's life. */
  Operation prolonging(ShardRequest request) {
    return new Operation.Plain(request, deadline());
  }

  /** A request that hands a file over to collection at once. */
  Operation expiring(ShardRequest request) {
    return new Operation.Plain(request, context.time());
  }
}
