/** bench of EggsFS. */
package org.eggsfs.bench;
