/**
 * Proof that the instruments can fail: production classes, loaded once more with one mistake in
 * them, run in the simulator. Production code knows nothing of this.
 */
package org.eggsfs.sim.defect;
