/** cdc of EggsFS. */
package org.eggsfs.cdc;
