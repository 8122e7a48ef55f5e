/** What the simulated clients do: the operations of a file system, chosen by chance. */
package org.eggsfs.sim.client;
