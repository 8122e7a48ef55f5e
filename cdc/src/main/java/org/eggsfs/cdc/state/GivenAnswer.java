package org.eggsfs.cdc.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcResponse;

/**
 * An answer that a client got or is about to get; exactly one of {@code response} and {@code error}
 * is set.
 *
 * @param number counts answers
 * @param index of the entry that made it: until that is durable it must not be given
 * @param time of that entry
 * @param fingerprint of the request
 * @param kind of the request
 */
public record GivenAnswer(
    long number,
    long index,
    long time,
    long fingerprint,
    int kind,
    CdcResponse response,
    ErrorCode error) {}
