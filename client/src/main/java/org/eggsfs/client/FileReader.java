package org.eggsfs.client;
/** stub. */
public abstract class FileReader implements AutoCloseable {
  public abstract java.io.InputStream stream();
  public abstract int read(long o, java.nio.ByteBuffer b) throws java.io.IOException, org.eggsfs.protocol.EggsException;
  public abstract long size();
  @Override public abstract void close();
}
