/** shard of EggsFS. */
package org.eggsfs.shard;
