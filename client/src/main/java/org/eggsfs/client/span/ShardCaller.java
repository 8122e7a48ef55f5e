package org.eggsfs.client.span;

import java.io.IOException;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;

/** Asks a shard and waits for the answer, which is of the request's kind. */
public interface ShardCaller {
  /** One request. */
  @SuppressWarnings("TypeParameterUnusedInFormals")
  <R extends ShardResponse> R shard(int shard, ShardRequest request)
      throws EggsException, IOException;
}
