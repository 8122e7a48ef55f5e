package org.eggsfs.net;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;

/** Where datagrams leave: a socket in production. */
public interface Outlet {
  /** Sends one datagram and does not keep the buffer. What cannot be sent is lost. */
  void send(ByteBuffer frame, InetSocketAddress to);
}
