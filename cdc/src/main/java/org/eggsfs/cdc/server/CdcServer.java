package org.eggsfs.cdc.server;
/** stub. */
public final class CdcServer implements AutoCloseable {
  public static CdcServer start(CdcConfig c, Runnable r) throws java.io.IOException { return new CdcServer(); }
  public boolean isReady() { return true; }
  public java.net.InetSocketAddress address() { return null; }
  @Override public void close() {}
}
