/** Directory collection: what the snapshot policies have given up is removed (gc.md section 2). */
package org.eggsfs.gc.collect;
