package org.eggsfs.cdc.state;

import java.util.List;

/**
 * Everything that came in since the last entry.
 *
 * @param time nanoseconds since the epoch
 * @param expirations transactions that have not started and whose clients have given up
 */
public record LogEntry(
    long time, List<ClientRequest> requests, List<ShardAnswer> answers, List<Long> expirations) {}
