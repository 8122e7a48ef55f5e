/**
 * {@code eggs tests}: starts real clusters, runs scenarios with faults against them, and judges
 * each with an oracle of its own (run-and-tests.md sections 4 to 7).
 */
package org.eggsfs.tests;
