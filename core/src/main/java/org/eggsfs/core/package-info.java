/**
 * Pure arithmetic of the system: ids, checksums, MACs, name hash, erasure code, block layout. No
 * I/O, no threads, no dependency.
 */
package org.eggsfs.core;
