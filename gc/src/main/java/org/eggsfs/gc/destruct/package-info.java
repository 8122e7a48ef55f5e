/** File destruction: transient files past their deadline, and their blocks (gc.md section 4). */
package org.eggsfs.gc.destruct;
