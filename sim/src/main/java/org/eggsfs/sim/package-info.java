/** {@code eggs sim}: the whole metadata plane in one thread, on virtual time, from one seed. */
package org.eggsfs.sim;
