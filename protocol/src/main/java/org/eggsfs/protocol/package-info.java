/** protocol of EggsFS. */
package org.eggsfs.protocol;
