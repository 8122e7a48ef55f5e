/** What makes the cluster's life hard: lost and doubled packets, damaged block files. */
package org.eggsfs.tests.faults;
