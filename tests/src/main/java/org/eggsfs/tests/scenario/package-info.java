/** One class for each scenario, or for a family of scenarios with one oracle. */
package org.eggsfs.tests.scenario;
