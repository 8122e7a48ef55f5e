package org.eggsfs.gc.repair;

/**
 * What was done about one block.
 *
 * @param old the block that the file had, now in a scratch file
 * @param newBlockId the block that the file has instead
 * @param newServiceId where that is
 * @param copied whether its bytes were read from the old block; else they were computed
 */
public record ReplacedBlock(StoredBlock old, long newBlockId, long newServiceId, boolean copied) {}
