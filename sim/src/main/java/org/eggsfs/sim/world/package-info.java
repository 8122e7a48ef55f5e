/** The simulated cluster: machines that run the servers' own engines, and what befalls them. */
package org.eggsfs.sim.world;
