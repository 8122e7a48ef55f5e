package org.eggsfs.shard.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * What applying an entry gave: exactly one of {@code error} and {@code response} is set. A response
 * that hands out blocks still lacks what only the answering replica's cache knows; {@link
 * ShardState#finish} adds it.
 *
 * @param error why nothing changed, or null
 * @param response the answer, without addresses, flags and certificates; null on error
 * @param blocks the blocks the answer hands out, or null
 * @param alert something an operator should hear of although the request succeeded, or null
 */
public record ApplyResult(
    ErrorCode error, ShardResponse response, HandedOutBlocks blocks, String alert) {
  static ApplyResult ok(ShardResponse response) {
    return new ApplyResult(null, response, null, null);
  }

  static ApplyResult ok(ShardResponse response, HandedOutBlocks blocks) {
    return new ApplyResult(null, response, blocks, null);
  }

  static ApplyResult alert(ShardResponse response, String alert) {
    return new ApplyResult(null, response, null, alert);
  }

  static ApplyResult failed(ErrorCode error) {
    return new ApplyResult(error, null, null, null);
  }
}
