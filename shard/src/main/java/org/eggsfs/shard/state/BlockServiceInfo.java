package org.eggsfs.shard.state;

import org.eggsfs.core.CbcMac;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.FailureDomain;

/**
 * What a shard knows about one block service from the shuckle. Not part of the replicated state
 * (shard.md section 2): it only fills responses and is consulted at prepare.
 *
 * @param id the block service
 * @param addrs where it listens
 * @param locationId its site
 * @param storageClass HDD or FLASH
 * @param failureDomain what fails together
 * @param flags of {@link org.eggsfs.protocol.BlockServiceFlags}
 * @param key under which its certificates and proofs are made
 */
public record BlockServiceInfo(
    long id,
    AddrsInfo addrs,
    int locationId,
    int storageClass,
    FailureDomain failureDomain,
    int flags,
    CbcMac key) {}
