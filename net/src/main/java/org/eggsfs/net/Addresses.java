package org.eggsfs.net;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.IpPort;

/**
 * Between the protocol's addresses (IPv4, at most two per service, all zero when absent; wire.md
 * section 2.2) and Java's.
 */
public final class Addresses {
  /** No endpoint. */
  public static final IpPort NO_ENDPOINT = new IpPort(0, 0);

  /** Never registered. */
  public static final AddrsInfo NONE = new AddrsInfo(NO_ENDPOINT, NO_ENDPOINT);

  private static final int ENDPOINTS_MAX = 2;
  private static final int PORT_MAX = 65_535;

  private Addresses() {}

  /** Whether the endpoint can be contacted: it has a port and an address outside 0.0.0.0/8. */
  public static boolean isPresent(IpPort endpoint) {
    return endpoint.port() != 0 && endpoint.ip() >>> 24 != 0;
  }

  /** Whether the service has registered at least one endpoint. */
  public static boolean isPresent(AddrsInfo addrs) {
    return isPresent(addrs.addr1()) || isPresent(addrs.addr2());
  }

  /** The endpoint as a socket address, or null when absent. */
  public static InetSocketAddress socketAddress(IpPort endpoint) {
    if (!isPresent(endpoint)) {
      return null;
    }
    return new InetSocketAddress(inetAddress(endpoint.ip()), endpoint.port());
  }

  private static InetAddress inetAddress(int ip) {
    byte[] bytes = {(byte) (ip >>> 24), (byte) (ip >>> 16), (byte) (ip >>> 8), (byte) ip};
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new AssertionError("four bytes are an address", e);
    }
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(inetAddress(0x7f000001), port);
  }

  /** The endpoints that are present, in order: none, one or two. */
  public static List<InetSocketAddress> list(AddrsInfo addrs) {
    List<InetSocketAddress> list = new ArrayList<>(ENDPOINTS_MAX);
    for (IpPort endpoint : List.of(addrs.addr1(), addrs.addr2())) {
      if (isPresent(endpoint)) {
        list.add(socketAddress(endpoint));
      }
    }
    return list;
  }

  /** The protocol's form of a resolved IPv4 socket address. */
  public static IpPort endpoint(InetSocketAddress address) {
    if (!(address.getAddress() instanceof Inet4Address inet)) {
      throw new IllegalArgumentException(address + " is not an IPv4 address");
    }
    byte[] b = inet.getAddress();
    int ip = (b[0] & 0xff) << 24 | (b[1] & 0xff) << 16 | (b[2] & 0xff) << 8 | (b[3] & 0xff);
    return new IpPort(ip, address.getPort());
  }

  /** The protocol's form of one or two socket addresses. */
  public static AddrsInfo of(List<InetSocketAddress> addresses) {
    if (addresses.isEmpty() || addresses.size() > ENDPOINTS_MAX) {
      throw new IllegalArgumentException(
          "a service has one or two addresses, not " + addresses.size());
    }
    return new AddrsInfo(
        endpoint(addresses.getFirst()),
        addresses.size() == 1 ? NO_ENDPOINT : endpoint(addresses.getLast()));
  }

  /** The protocol's form of one or two socket addresses. */
  public static AddrsInfo of(InetSocketAddress... addresses) {
    return of(List.of(addresses));
  }

  /**
   * Where others can reach a socket that is bound to {@code bound}: the same, or, if it is bound to
   * all addresses, the first address of this machine that is not loopback.
   */
  public static InetSocketAddress reachable(InetSocketAddress bound) throws IOException {
    if (!bound.getAddress().isAnyLocalAddress()) {
      return bound;
    }
    return NetworkInterface.networkInterfaces()
        .flatMap(NetworkInterface::inetAddresses)
        .filter(a -> a instanceof Inet4Address && !a.isLoopbackAddress() && !a.isLinkLocalAddress())
        .findFirst()
        .map(a -> new InetSocketAddress(a, bound.getPort()))
        .orElseGet(() -> loopback(bound.getPort()));
  }

  /**
   * Parses {@code host:port}. The name is resolved here if it can be; an unresolved result is
   * resolved again at each use of it by {@link ShuckleClient}.
   */
  public static InetSocketAddress parse(String hostAndPort) {
    int colon = hostAndPort.lastIndexOf(':');
    int port = -1;
    if (colon > 0) {
      try {
        port = Integer.parseInt(hostAndPort.substring(colon + 1));
      } catch (NumberFormatException e) {
        port = -1;
      }
    }
    if (port < 0 || port > PORT_MAX) {
      throw new IllegalArgumentException("expected host:port, got '" + hostAndPort + "'");
    }
    return new InetSocketAddress(hostAndPort.substring(0, colon), port);
  }

  /** Parses {@code host:port,host:port,…}. */
  public static List<InetSocketAddress> parseList(String commaSeparated) {
    List<InetSocketAddress> list = new ArrayList<>();
    for (String item : commaSeparated.split(",", -1)) {
      list.add(parse(item.strip()));
    }
    return list;
  }

  /** {@code 10.1.2.3:4000}. */
  public static String format(IpPort endpoint) {
    int ip = endpoint.ip();
    return (ip >>> 24)
        + "."
        + (ip >>> 16 & 0xff)
        + "."
        + (ip >>> 8 & 0xff)
        + "."
        + (ip & 0xff)
        + ":"
        + endpoint.port();
  }

  /** The present endpoints separated by a comma, or {@code -}. */
  public static String format(AddrsInfo addrs) {
    if (!isPresent(addrs)) {
      return "-";
    }
    if (!isPresent(addrs.addr2())) {
      return format(addrs.addr1());
    }
    return isPresent(addrs.addr1())
        ? format(addrs.addr1()) + "," + format(addrs.addr2())
        : format(addrs.addr2());
  }
}
