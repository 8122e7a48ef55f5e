/**
 * Defragmentation (gc.md section 9), of two kinds. Layout: spans whose parity, stripes, storage
 * class or cell size is not what their directory's policies say today are rewritten in place. Span
 * sizes: a file whose spans are larger or smaller than the policies say can only be copied; the
 * copy takes its place with LinkFileOver, a message of our own that refuses where the name has
 * changed meanwhile.
 */
package org.eggsfs.gc.defrag;
