/** Virtual time, randomness from one seed, disks and links that fail: a machine room in memory. */
package org.eggsfs.sim.kernel;
