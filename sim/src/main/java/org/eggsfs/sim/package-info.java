/** Deterministic simulation of the metadata plane from one seed. */
package org.eggsfs.sim;
