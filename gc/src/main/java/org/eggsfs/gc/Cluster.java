package org.eggsfs.gc;

import java.io.IOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * What collection and destruction ask of a cluster: plain requests, as any client may make them.
 * All calls block, are ended by an interrupt, and may be made by many threads.
 */
@SuppressWarnings("TypeParameterUnusedInFormals")
public interface Cluster {
  /** Asks a shard. */
  <R extends ShardResponse> R shard(int shard, ShardRequest request)
      throws EggsException, IOException;

  /** Asks the shard of an inode. */
  default <R extends ShardResponse> R shardOf(long inode, ShardRequest request)
      throws EggsException, IOException {
    return shard(InodeIds.shard(inode), request);
  }

  /** Asks the CDC. */
  <R extends CdcResponse> R cdc(CdcRequest request) throws EggsException, IOException;

  /** Asks the shuckle. */
  <R extends ShuckleResponse> R shuckle(ShuckleRequest request) throws EggsException, IOException;

  /** Erases a block; the result is the block service's proof. */
  long erase(AddrsInfo addrs, long serviceId, long blockId, long certificate)
      throws EggsException, IOException;

  /** The cluster that a client is connected to. */
  static Cluster of(EggsClient client) {
    return new Cluster() {
      @Override
      public <R extends ShardResponse> R shard(int shard, ShardRequest request)
          throws EggsException, IOException {
        return client.shard(shard, request);
      }

      @Override
      public <R extends CdcResponse> R cdc(CdcRequest request) throws EggsException, IOException {
        return client.cdc(request);
      }

      @Override
      public <R extends ShuckleResponse> R shuckle(ShuckleRequest request)
          throws EggsException, IOException {
        return client.shuckle().call(request);
      }

      @Override
      public long erase(AddrsInfo addrs, long serviceId, long blockId, long certificate)
          throws EggsException, IOException {
        return client.blocks().erase(addrs, serviceId, blockId, certificate);
      }
    };
  }
}
