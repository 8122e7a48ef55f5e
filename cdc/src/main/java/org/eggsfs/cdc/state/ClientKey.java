package org.eggsfs.cdc.state;

/**
 * What identifies a client's request among all others: where it came from and its id.
 *
 * @param ip IPv4 address, 10.1.2.3 is 0x0a010203
 */
public record ClientKey(int ip, int port, long requestId) {}
