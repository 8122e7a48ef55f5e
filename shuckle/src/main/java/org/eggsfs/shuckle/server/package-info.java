/**
 * The running shuckle: sockets, the disk, clocks and periodic work around {@link
 * org.eggsfs.shuckle.state}. {@link org.eggsfs.shuckle.server.ShuckleServer} wires it.
 */
package org.eggsfs.shuckle.server;
