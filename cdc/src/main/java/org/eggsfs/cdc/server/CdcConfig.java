package org.eggsfs.cdc.server;
/** stub. */
public record CdcConfig(java.nio.file.Path dataDirectory, java.util.List<java.net.InetSocketAddress> b, java.util.List<java.net.InetSocketAddress> s, int l, Long t, Long r, Long g) {}
