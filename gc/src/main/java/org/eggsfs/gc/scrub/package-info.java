/**
 * Scrub: reads every block of every file at a set pace and repairs what is bad (gc.md section 7).
 */
package org.eggsfs.gc.scrub;
