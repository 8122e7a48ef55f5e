/** The TCP channel to block servers: pools, pipelining, deadlines (client.md section 3). */
package org.eggsfs.client.blocks;
