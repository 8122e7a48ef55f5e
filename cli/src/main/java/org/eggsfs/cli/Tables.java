package org.eggsfs.cli;

import java.nio.charset.StandardCharsets;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.IpPort;

/** Cells that several tables share. */
final class Tables {
  private Tables() {}

  /** {@code ip:port}. */
  static String address(IpPort address) {
    int ip = address.ip();
    return (ip >>> 24)
        + "."
        + (ip >>> 16 & 255)
        + "."
        + (ip >>> 8 & 255)
        + "."
        + (ip & 255)
        + ":"
        + address.port();
  }

  /** One or two addresses. */
  static String addresses(AddrsInfo addresses) {
    return addresses.addr2().port() == 0
        ? address(addresses.addr1())
        : address(addresses.addr1()) + "," + address(addresses.addr2());
  }

  /** The name of a failure domain without its padding. */
  static String failureDomain(FailureDomain domain) {
    byte[] name = domain.name();
    int end = name.length;
    while (end > 0 && name[end - 1] == 0) {
      end--;
    }
    return new String(name, 0, end, StandardCharsets.UTF_8);
  }

  /** Flags as {@code STALE|NO_WRITE}; {@code -} for none. */
  static String flags(int flags) {
    StringBuilder text = new StringBuilder();
    append(text, flags, BlockServiceFlags.STALE, "STALE");
    append(text, flags, BlockServiceFlags.NO_READ, "NO_READ");
    append(text, flags, BlockServiceFlags.NO_WRITE, "NO_WRITE");
    append(text, flags, BlockServiceFlags.DECOMMISSIONED, "DECOMMISSIONED");
    return text.isEmpty() ? "-" : text.toString();
  }

  private static void append(StringBuilder text, int flags, int bit, String name) {
    if ((flags & bit) != 0) {
      text.append(text.isEmpty() ? "" : "|").append(name);
    }
  }

  /** Several flags as {@code STALE|NO_WRITE}. */
  static int flagMask(String names) throws CommandFailure {
    int mask = 0;
    for (String name : names.split("\\|", -1)) {
      mask |= flag(name.strip());
    }
    return mask;
  }

  /** The number of a flag by name; 0 for {@code 0}. */
  static int flag(String name) throws CommandFailure {
    return switch (name.toUpperCase(java.util.Locale.ROOT)) {
      case "0" -> 0;
      case "STALE" -> BlockServiceFlags.STALE;
      case "NO_READ" -> BlockServiceFlags.NO_READ;
      case "NO_WRITE" -> BlockServiceFlags.NO_WRITE;
      case "DECOMMISSIONED" -> BlockServiceFlags.DECOMMISSIONED;
      default ->
          throw new CommandFailure(
              ExitCodes.USAGE,
              "no flag '" + name + "'; there are 0, STALE, NO_READ, NO_WRITE, DECOMMISSIONED");
    };
  }
}
