/** run of EggsFS. */
package org.eggsfs.run;
