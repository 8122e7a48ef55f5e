package org.eggsfs.net;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;

/** Sockets of UDP servers: IPv4, non-blocking, with buffers that take bursts. */
public final class UdpSockets {
  private static final System.Logger LOGGER = System.getLogger(UdpSockets.class.getName());

  private UdpSockets() {}

  /**
   * Binds a socket.
   *
   * @param bufferBytes wanted size of its receive and send buffer; the kernel may give less
   * @throws IOException if it cannot be bound; the message names the address and the likely reason
   */
  public static DatagramChannel bind(InetSocketAddress address, int bufferBytes)
      throws IOException {
    if (address.isUnresolved()) {
      throw new IOException("no such address: " + address.getHostString());
    }
    DatagramChannel channel = DatagramChannel.open(StandardProtocolFamily.INET);
    try {
      channel.configureBlocking(false);
      channel.setOption(StandardSocketOptions.SO_RCVBUF, bufferBytes);
      channel.setOption(StandardSocketOptions.SO_SNDBUF, bufferBytes);
      channel.bind(address);
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw new IOException(
          "cannot bind UDP "
              + address.getAddress().getHostAddress()
              + ":"
              + address.getPort()
              + " ("
              + e.getMessage()
              + "); another process uses it, or the address is not of this machine",
          e);
    }
  }

  /**
   * Binds a socket and remembers its port under a name. Where any port will do, the one of last
   * time is taken if it is free, so that clients need not look again.
   */
  public static DatagramChannel bindRemembered(
      InetSocketAddress address, int bufferBytes, RememberedPorts ports, String name)
      throws IOException {
    DatagramChannel channel = null;
    int remembered = ports.get(name);
    if (address.getPort() == 0 && remembered != 0) {
      try {
        channel = bind(new InetSocketAddress(address.getAddress(), remembered), bufferBytes);
      } catch (IOException e) {
        LOGGER.log(
            System.Logger.Level.INFO, "port " + remembered + " is taken now, choosing another");
      }
    }
    if (channel == null) {
      channel = bind(address, bufferBytes);
    }
    ports.put(name, ((InetSocketAddress) channel.getLocalAddress()).getPort());
    return channel;
  }
}
