package org.eggsfs.cdc.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardRequest;

/** Something to send because of an entry. */
public sealed interface Output {
  /** The transaction behind it. */
  long transaction();

  /** The entry that must be durable before this is sent; 0 = send at once. */
  long requiredIndex();

  /**
   * A request to a shard, to be repeated until it is answered. It makes requests of the same
   * transaction with a lower sequence moot.
   *
   * @param sequence grows with each step of the transaction
   * @param sub which of the step's requests
   */
  record ToShard(
      long transaction, int sequence, int sub, int shard, ShardRequest request, long requiredIndex)
      implements Output {}

  /**
   * The same request once more, after a pause, as a new one: its answer was no help.
   *
   * @param sequence as in {@link ToShard}
   */
  record Again(long transaction, int sequence, int sub) implements Output {
    @Override
    public long requiredIndex() {
      return 0;
    }
  }

  /** The end of a transaction; exactly one of {@code response} and {@code error} is set. */
  record ToClient(
      long transaction,
      ClientKey client,
      int kind,
      CdcResponse response,
      ErrorCode error,
      long requiredIndex)
      implements Output {}
}
