/** store of EggsFS. */
package org.eggsfs.store;
