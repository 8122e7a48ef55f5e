package org.eggsfs.cdc.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * A shard's answer as it enters the log; exactly one of {@code response} and {@code error} is set.
 *
 * @param transaction whose request was answered
 * @param sequence of that request's step, from {@link Output.ToShard}
 * @param sub which of the step's requests
 */
public record ShardAnswer(
    long transaction, int sequence, int sub, ShardResponse response, ErrorCode error) {}
