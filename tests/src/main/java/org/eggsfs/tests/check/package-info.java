/** Oracles: what must be true whatever happened. They share no code with the servers. */
package org.eggsfs.tests.check;
