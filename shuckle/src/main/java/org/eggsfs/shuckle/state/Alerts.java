package org.eggsfs.shuckle.state;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;

/**
 * What an operator should know about the block services (shuckle.md section 10). The text of an
 * alert stays the same while the matter does, so that it can be told once.
 */
public final class Alerts {
  /** After so long a decommissioned service should be empty. */
  static final long EMPTY_AFTER_NANOS = 36L * 3600 * 1_000_000_000L;

  /** Percentage of free space from which on it is getting tight. */
  static final int FREE_PERCENT_MIN = 10;

  private static final int UNREADABLE =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_READ | BlockServiceFlags.DECOMMISSIONED;

  /**
   * An alert.
   *
   * @param isUrgent whether data is in danger
   */
  public record Alert(boolean isUrgent, String text) {}

  private Alerts() {}

  /**
   * Everything that should be known now.
   *
   * @param avoidedByServers services whose servers asked for NO_WRITE
   * @param unavailableDomainsMax from so many unreadable failure domains on it is urgent
   */
  public static Set<Alert> of(
      Collection<FullBlockServiceInfo> rows,
      Set<Long> avoidedByServers,
      int unavailableDomainsMax,
      long now) {
    Set<Alert> alerts = new LinkedHashSet<>();
    addUnavailableDomains(rows, unavailableDomainsMax, alerts);
    addUnwell(rows, avoidedByServers, alerts);
    addNotEmptied(rows, now, alerts);
    addDoubles(rows, alerts);
    addTightSpace(rows, alerts);
    return alerts;
  }

  private static boolean is(FullBlockServiceInfo row, int flags) {
    return (row.flags() & flags) != 0;
  }

  private static void addUnavailableDomains(
      Collection<FullBlockServiceInfo> rows, int max, Set<Alert> alerts) {
    Map<Integer, Set<String>> domains = new TreeMap<>();
    for (FullBlockServiceInfo row : rows) {
      if (is(row, UNREADABLE) && row.hasFiles()) {
        domains.computeIfAbsent(row.locationId(), location -> new TreeSet<>()).add(domain(row));
      }
    }
    domains.forEach(
        (location, names) ->
            alerts.add(
                new Alert(
                    names.size() >= max,
                    "location "
                        + location
                        + ": files have blocks in "
                        + names.size()
                        + " failure domains with unreadable block services: "
                        + String.join(", ", names)
                        + (names.size() >= max
                            ? "; with more, files may become unreadable, and none is decommissioned"
                                + " automatically"
                            : ""))));
  }

  private static void addUnwell(
      Collection<FullBlockServiceInfo> rows, Set<Long> avoided, Set<Alert> alerts) {
    for (FullBlockServiceInfo row : rows) {
      if (avoided.contains(row.id()) && !is(row, BlockServiceFlags.DECOMMISSIONED)) {
        alerts.add(
            new Alert(
                false,
                "block service "
                    + describe(row)
                    + " is not well, says its server, and gets no new blocks; its log says why"));
      }
    }
  }

  private static void addNotEmptied(
      Collection<FullBlockServiceInfo> rows, long now, Set<Alert> alerts) {
    for (FullBlockServiceInfo row : rows) {
      if (is(row, BlockServiceFlags.DECOMMISSIONED)
          && row.hasFiles()
          && now - row.lastInfoChange() > EMPTY_AFTER_NANOS) {
        alerts.add(
            new Alert(
                false,
                "block service "
                    + describe(row)
                    + " was decommissioned more than 36 h ago and still has files; is migration"
                    + " running?"));
      }
    }
  }

  private static void addDoubles(Collection<FullBlockServiceInfo> rows, Set<Alert> alerts) {
    Map<String, List<FullBlockServiceInfo>> byPath = new TreeMap<>();
    for (FullBlockServiceInfo row : rows) {
      if (!is(row, BlockServiceFlags.DECOMMISSIONED | BlockServiceFlags.STALE)) {
        byPath.computeIfAbsent(path(row), path -> new ArrayList<>()).add(row);
      }
    }
    byPath.forEach(
        (path, services) -> {
          if (services.size() > 1) {
            alerts.add(
                new Alert(
                    false, services.size() + " living block services claim the path " + path));
          }
        });
  }

  private static void addTightSpace(Collection<FullBlockServiceInfo> rows, Set<Alert> alerts) {
    Map<Assigner.Pool, double[]> pools = new HashMap<>();
    for (FullBlockServiceInfo row : rows) {
      if (BlockServices.isOffered(row)) {
        double[] sums =
            pools.computeIfAbsent(
                new Assigner.Pool(row.locationId(), row.storageClass()), pool -> new double[2]);
        sums[0] += row.capacityBytes();
        sums[1] += row.availableBytes();
      }
    }
    new TreeMap<>(pools)
        .forEach(
            (pool, sums) -> {
              if (sums[1] * 100 < sums[0] * FREE_PERCENT_MIN) {
                alerts.add(
                    new Alert(
                        false,
                        "location "
                            + pool.locationId()
                            + ", "
                            + StorageClass.name(pool.storageClass())
                            + ": less than "
                            + FREE_PERCENT_MIN
                            + " % of the space is free; add disks or remove files"));
              }
            });
  }

  private static String describe(FullBlockServiceInfo row) {
    return "0x" + HexFormat.of().toHexDigits(row.id()) + " (" + domain(row) + " " + path(row) + ")";
  }

  private static String domain(FullBlockServiceInfo row) {
    return new String(row.failureDomain().name(), StandardCharsets.UTF_8).replace("\0", "");
  }

  private static String path(FullBlockServiceInfo row) {
    return new String(row.path(), StandardCharsets.UTF_8);
  }
}
