/** core of EggsFS. */
package org.eggsfs.core;
