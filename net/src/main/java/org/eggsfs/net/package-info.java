/** net of EggsFS. */
package org.eggsfs.net;
