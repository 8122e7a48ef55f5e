/** client of EggsFS. */
package org.eggsfs.client;
