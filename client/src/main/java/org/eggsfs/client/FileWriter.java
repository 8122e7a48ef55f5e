package org.eggsfs.client;
/** stub. */
public abstract class FileWriter extends java.io.OutputStream {
  public abstract void transferFrom(java.nio.channels.ReadableByteChannel c) throws org.eggsfs.protocol.EggsException, java.io.IOException;
  public abstract long commit() throws org.eggsfs.protocol.EggsException, java.io.IOException;
}
