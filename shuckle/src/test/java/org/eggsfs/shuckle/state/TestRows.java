package org.eggsfs.shuckle.state;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.IpPort;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;

/** Sample rows. */
public final class TestRows {
  private TestRows() {}

  /** A registration without flags whose key and address follow from the id. */
  public static RegisterBlockServiceInfo registration(
      long id, int locationId, String domain, int storageClass, long available) {
    return new RegisterBlockServiceInfo(
        id,
        locationId,
        addrs(0x0a000001 + (int) id % 1000, 5000),
        storageClass,
        domain(domain),
        key(id),
        0,
        0,
        2L << 40,
        available,
        0,
        ("host:/disk" + id).getBytes(StandardCharsets.US_ASCII));
  }

  /** One endpoint. */
  public static AddrsInfo addrs(int ip, int port) {
    return new AddrsInfo(new IpPort(ip, port), Addresses.NO_ENDPOINT);
  }

  /** A domain's name, padded. */
  public static FailureDomain domain(String name) {
    return new FailureDomain(Arrays.copyOf(name.getBytes(StandardCharsets.US_ASCII), 16));
  }

  /** The secret key of a service. */
  public static byte[] key(long id) {
    return ByteBuffer.allocate(16).putLong(~id).putLong(id).array();
  }
}
