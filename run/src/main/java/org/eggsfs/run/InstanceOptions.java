package org.eggsfs.run;

import java.nio.file.Path;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import picocli.CommandLine.Option;

/** The shape of a local instance and the times that tests want short. Durations are nanoseconds. */
final class InstanceOptions {
  private static final int FAILURE_DOMAINS_MAX = 99;
  private static final int SERVICES_MAX = 100;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where the data is (default eggsfs-data in this folder).")
  Path dataDir = Path.of("eggsfs-data");

  @Option(
      names = "--failure-domains",
      paramLabel = "N",
      description = "Block servers; may grow (default 16, or as many as there are).")
  Integer failureDomains;

  @Option(
      names = "--hdd-block-services",
      paramLabel = "N",
      description = "HDD block services of each block server (default 2, or as there are).")
  Integer hddBlockServices;

  @Option(
      names = "--flash-block-services",
      paramLabel = "N",
      description = "FLASH block services of each block server (default 2, or as there are).")
  Integer flashBlockServices;

  @Option(
      names = {"--shuckle-port", "--registry-bincode-port", "--bincode-port"},
      paramLabel = "PORT",
      description = "TCP port of the shuckle; 0 = any (default ${DEFAULT-VALUE}).")
  int shucklePort = 10001;

  @Option(
      names = "--host",
      paramLabel = "IP",
      description = "Address that all servers bind and advertise (default ${DEFAULT-VALUE}).")
  String host = "127.0.0.1";

  @Option(
      names = "--reserved-storage",
      paramLabel = "BYTES",
      description = "Free space kept back on each disk (default ${DEFAULT-VALUE}).")
  long reservedStorage = 1L << 30;

  @Option(
      names = "--transient-deadline-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How long an unfinished file lives without a change (default 2h).")
  Long transientDeadlineInterval;

  @Option(
      names = "--block-write-cutoff",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How old a block may be when it is written (default 5m).")
  Long blockWriteCutoff;

  @Option(
      names = {"--erase-cutoff", "--future-cutoff"},
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How old a block must be before it may be erased (default 1h).")
  Long eraseCutoff;

  @Option(
      names = "--staleness-delay",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "After which silence a block service is stale (default 3m).")
  Long stalenessDelay;

  @Option(
      names = "--refresh-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often shards and CDC look at the shuckle.")
  Long refreshInterval;

  @Option(
      names = "--register-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often servers register at the shuckle.")
  Long registerInterval;

  @Option(names = "--no-gc", description = "Start no collector: nothing deleted is ever removed.")
  boolean noGc;

  @Option(
      names = {"--gc-min-edge-age", "--collect-directories-min-edge-age"},
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How long something is past before it is collected (default 1h).")
  Long gcMinEdgeAge;

  @Option(
      names = {"--gc-slack", "--destruct-files-slack"},
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How long after its deadline a file is left alone (default 5m).")
  Long gcSlack;

  @Option(
      names = "--gc-cycle-min",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often the collector visits a shard (default 10m).")
  Long gcCycleMin;

  /** Checks what the options mean together. */
  void check() throws CommandFailure {
    int domains = orElse(failureDomains, 1);
    require(
        domains >= 1 && domains <= FAILURE_DOMAINS_MAX,
        "--failure-domains is 1 to " + FAILURE_DOMAINS_MAX);
    int hdd = orElse(hddBlockServices, 1);
    int flash = orElse(flashBlockServices, 1);
    require(
        hdd >= 0 && flash >= 0 && hdd + flash >= 1 && hdd + flash <= SERVICES_MAX,
        "each block server needs 1 to " + SERVICES_MAX + " block services");
    require(shucklePort >= 0 && shucklePort <= 65_535, "--shuckle-port is 0 to 65535");
    require(reservedStorage >= 0, "--reserved-storage is not negative");
  }

  private static void require(boolean condition, String message) throws CommandFailure {
    if (!condition) {
      throw new CommandFailure(ExitCodes.USAGE, message);
    }
  }

  static int orElse(Integer value, int standard) {
    return value == null ? standard : value;
  }

  static long orElse(Long value, long standard) {
    return value == null ? standard : value;
  }
}
