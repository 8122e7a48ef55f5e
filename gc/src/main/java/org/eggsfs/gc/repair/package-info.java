/**
 * Replacing blocks of files, the core of scrub, migration and defragmentation (gc.md sections 5 and
 * 6). A file is never edited in place: the replacement is written into a scratch file, then the
 * shard exchanges the two blocks; the old block ends in the scratch file and dies with it.
 */
package org.eggsfs.gc.repair;
