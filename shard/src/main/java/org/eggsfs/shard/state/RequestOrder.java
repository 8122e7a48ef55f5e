package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.store.View;

/**
 * Which of the CDC's requests come too late. A copy of a request can wander through the network for
 * longer than the transaction that sent it lives, and longer than anybody remembers the answer; a
 * LockCurrentEdge executed then would lock an edge for good, a SetDirectoryOwner undo a later move.
 *
 * <p>Therefore our CDC uses times for ids, which grow with every request it sends, also over its
 * restarts, and it never goes on before the last id under which it has sent a request is answered
 * or given up for a later one. A shard that executes a change remembers the change's place, in the
 * same batch, and executes nothing at or before it any more. A request that was merely overtaken by
 * another is refused as well; the CDC sends it again under a new id.
 *
 * <p>TernFS's CDC begins with a random id, which tells nothing about order and is taken as it
 * comes. One that starts by chance within {@link #WINDOW_NANOS} of the time (4 of 10,000,000 do)
 * also counts upwards, and is out of the window after an hour.
 */
public final class RequestOrder {
  /** The place of a request that has none. */
  public static final long NONE = 0;

  /** How far the clocks of the CDC and of a shard may differ before ids mean nothing any more. */
  private static final long WINDOW_NANOS = 3_600_000_000_000L;

  private RequestOrder() {}

  /**
   * The place of a request that came over the signed channel.
   *
   * @param wallNanos the time, nanoseconds since 1970
   */
  public static long of(long requestId, long wallNanos) {
    return requestId > 0 && Math.abs(requestId - wallNanos) <= WINDOW_NANOS ? requestId : NONE;
  }

  /** An error that asks for a new id: the shard is more recent than the request. */
  static void require(View view, int shard, long order) throws EggsException {
    if (order != NONE && order <= MetaTable.lastOrder(view, shard)) {
      throw new EggsException(ErrorCode.MTIME_IS_TOO_RECENT);
    }
  }
}
