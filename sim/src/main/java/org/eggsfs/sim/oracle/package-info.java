/** What must hold: linearizable names, explained effects, sound tables, whole files. */
package org.eggsfs.sim.oracle;
