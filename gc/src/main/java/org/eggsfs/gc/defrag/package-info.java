/**
 * Layout defragmentation (gc.md section 9): rewrites spans whose parity, stripes, storage class or
 * cell size is not what their directory's policies say today. Spans of another size than the
 * policies say stay: only a new file could replace such a file, and LinkFile cannot be told to
 * replace a certain version of a name, so a rename or an overwrite at the same time could be
 * undone.
 */
package org.eggsfs.gc.defrag;
