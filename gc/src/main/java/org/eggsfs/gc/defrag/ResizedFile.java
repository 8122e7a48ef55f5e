package org.eggsfs.gc.defrag;

/**
 * A file whose span sizes do not fit its policy.
 *
 * @param path where it was found
 * @param file its id
 * @param size bytes
 * @param spansBefore how many spans it has
 * @param spansAfter how many the policy makes of it
 */
public record ResizedFile(String path, long file, long size, long spansBefore, long spansAfter) {}
