/**
 * The block server's process: connections, disks, group commit, registration. {@link
 * org.eggsfs.blocks.server.BlockServer} wires it.
 */
package org.eggsfs.blocks.server;
