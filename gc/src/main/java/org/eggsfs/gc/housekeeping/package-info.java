/** Small jobs beside collection: rows of no use, and counts (gc.md section 10). */
package org.eggsfs.gc.housekeeping;
