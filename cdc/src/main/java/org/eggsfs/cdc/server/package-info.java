/**
 * The CDC as a server: sockets, the event loop around {@link org.eggsfs.cdc.state.CdcState},
 * repetition of requests to shards, registration. Start with {@link
 * org.eggsfs.cdc.server.CdcServer}.
 */
package org.eggsfs.cdc.server;
