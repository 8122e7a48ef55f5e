package org.eggsfs.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.util.List;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.IpPort;
import org.junit.jupiter.api.Test;

/** The two forms of an address agree, and absent endpoints never look like reachable ones. */
class AddressesTest {
  private static final InetSocketAddress FIRST = new InetSocketAddress("10.1.2.3", 4000);
  private static final InetSocketAddress SECOND = new InetSocketAddress("250.255.0.1", 65_535);

  @Test
  void convertsBothWays() {
    AddrsInfo both = Addresses.of(FIRST, SECOND);
    assertEquals(new IpPort(0x0a010203, 4000), both.addr1());
    assertEquals(List.of(FIRST, SECOND), Addresses.list(both));
    assertEquals(List.of(FIRST), Addresses.list(Addresses.of(FIRST)));
    assertEquals("10.1.2.3:4000,250.255.0.1:65535", Addresses.format(both));
  }

  @Test
  void absentEndpointsAreNeverReachable() {
    assertNull(Addresses.socketAddress(Addresses.NO_ENDPOINT));
    assertFalse(Addresses.isPresent(new IpPort(0x00010203, 80)));
    assertFalse(Addresses.isPresent(new IpPort(0x0a010203, 0)));
    assertTrue(Addresses.list(Addresses.NONE).isEmpty());
    assertEquals("-", Addresses.format(Addresses.NONE));
  }

  @Test
  void aSocketBoundToAllAddressesIsPublishedUnderOne() throws Exception {
    InetSocketAddress reachable = Addresses.reachable(new InetSocketAddress(4000));
    assertFalse(reachable.getAddress().isAnyLocalAddress());
    assertEquals(4000, reachable.getPort());
    assertEquals(FIRST, Addresses.reachable(FIRST));
  }

  @Test
  void parsesListsAndRefusesNonsense() {
    assertEquals(
        List.of(new InetSocketAddress("127.0.0.3", 1), new InetSocketAddress("127.0.0.2", 65_535)),
        Addresses.parseList("127.0.0.3:1, 127.0.0.2:65535"));
    for (String bad : List.of("", "a", ":1", "a:", "a:-1", "a:65536", "a:1,", "a:x")) {
      assertThrows(IllegalArgumentException.class, () -> Addresses.parseList(bad), bad);
    }
    assertThrows(IllegalArgumentException.class, () -> Addresses.of(List.of()));
  }
}
