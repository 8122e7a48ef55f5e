/** shuckle of EggsFS. */
package org.eggsfs.shuckle;
