package org.eggsfs.cdc.state;

import org.eggsfs.protocol.cdc.CdcRequest;

/**
 * A request as it enters the log.
 *
 * @param fingerprint of the request's bytes: tells a repetition from another request with the same
 *     key
 */
public record ClientRequest(ClientKey key, long fingerprint, CdcRequest request) {}
