package org.eggsfs.gc.repair;

import org.eggsfs.protocol.struct.BlockService;

/**
 * One block of a span, as its shard lists it.
 *
 * @param file the file
 * @param spanOffset where its span begins in the file
 * @param locationId the location of the copy that it belongs to
 * @param index 0 to D−1 are data, D to B−1 parity
 * @param service where it is: id, addresses and flags as the shard knows them
 * @param blockId the block's name there
 * @param crc of the whole block
 * @param size in bytes
 */
public record StoredBlock(
    long file,
    long spanOffset,
    int locationId,
    int index,
    BlockService service,
    long blockId,
    int crc,
    int size) {}
