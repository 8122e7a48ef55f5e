/** The mount: EggsFS through the kernel's FUSE protocol. */
package org.eggsfs.fuse;
