/**
 * Data that looks after itself: collection, destruction, scrub, migration, defragmentation (gc.md).
 */
package org.eggsfs.gc;
