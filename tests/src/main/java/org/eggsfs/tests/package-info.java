/** Integration scenarios against real clusters with injected faults. */
package org.eggsfs.tests;
