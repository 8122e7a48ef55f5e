/** The cluster under test: real processes of this program, started, killed and stopped by us. */
package org.eggsfs.tests.cluster;
