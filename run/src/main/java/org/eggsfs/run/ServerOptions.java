package org.eggsfs.run;

import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.eggsfs.cli.ClusterOptions;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.cli.Logging;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.InfluxPush;
import org.eggsfs.net.Measurement;
import picocli.CommandLine.Option;

/**
 * The options that all server roles share, in the spellings of TernFS too (cli.md section 4.1), so
 * that its drivers can start ours.
 */
final class ServerOptions {
  @Option(
      names = {"--shuckle", "--registry"},
      paramLabel = "HOST:PORT",
      description =
          "Address of the shuckle (EGGS_SHUCKLE, else " + ClusterOptions.SHUCKLE_DEFAULT + ").")
  private String shuckle;

  @Option(
      names = "--addr",
      paramLabel = "IP:PORT",
      description =
          "Address to bind and advertise, port 0 = any; one or two (default 127.0.0.1:0).")
  private List<String> addresses = new ArrayList<>();

  @Option(
      names = "--location",
      paramLabel = "N",
      description = "Site, 0 to 254 (default ${DEFAULT-VALUE}).")
  int location;

  @Option(names = "--log-file", paramLabel = "FILE", description = "Log there, appending.")
  private Path logFile;

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description = "trace, debug, info or error (default ${DEFAULT-VALUE}).")
  private String logLevel = "info";

  @Option(names = "--verbose", description = "Log level debug.")
  private boolean verbose;

  @Option(names = "--trace", description = "Log level trace; stack traces of errors.")
  private boolean trace;

  @Option(
      names = "--with-process",
      paramLabel = "PID",
      description = "Stop when this process ends.")
  Long withProcess;

  @Option(
      names = "--influx-db-origin",
      paramLabel = "URL",
      description = "InfluxDB that gets metrics, e.g. http://influx:8086.")
  private String influxOrigin;

  @Option(names = "--influx-db-org", paramLabel = "NAME", description = "Its organisation.")
  private String influxOrg;

  @Option(names = "--influx-db-bucket", paramLabel = "NAME", description = "Its bucket.")
  private String influxBucket;

  @Option(
      names = "--xmon",
      paramLabel = "X",
      hidden = true,
      description = "Accepted for TernFS's drivers; there is no such service here.")
  private String xmon;

  @Option(names = "--syslog", hidden = true, description = "Accepted for TernFS's drivers.")
  private boolean syslog;

  /** Sets up logging, and checks what is used only later; call first. */
  void applyLogging() throws CommandFailure {
    String level = trace ? "trace" : verbose ? "debug" : logLevel;
    try {
      if (logFile == null) {
        Logging.level(level);
      } else {
        Logging.file(logFile, level);
      }
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    if (xmon != null || syslog) {
      System.getLogger(ServerOptions.class.getName())
          .log(System.Logger.Level.WARNING, "--xmon and --syslog have no effect: see the log");
    }
    Optional<InfluxPush.Target> _ = influx();
  }

  /** Where metrics are to go, if anywhere. */
  Optional<InfluxPush.Target> influx() throws CommandFailure {
    long given = Stream.of(influxOrigin, influxOrg, influxBucket).filter(Objects::nonNull).count();
    if (given == 0) {
      return Optional.empty();
    }
    if (given < 3) {
      throw new CommandFailure(
          ExitCodes.USAGE,
          "give all of --influx-db-origin, --influx-db-org, --influx-db-bucket, or none");
    }
    try {
      return Optional.of(InfluxPush.Target.parse(influxOrigin, influxOrg, influxBucket));
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--influx-db-origin: " + e.getMessage());
    }
  }

  /** Ends when it is closed. */
  @FunctionalInterface
  interface Sending extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Sends metrics of a server until closed, if options say where.
   *
   * @param source asked about once a minute, by a thread of its own
   */
  Sending sendMetrics(Supplier<List<Measurement>> source) throws CommandFailure {
    Optional<InfluxPush.Target> target = influx();
    return target.isEmpty()
        ? () -> {}
        : InfluxPush.start(
                target.get(), InfluxPush.Interval.OF_SERVERS, source, new MetricsOutage())
            ::close;
  }

  List<InetSocketAddress> shuckles() throws CommandFailure {
    String environment = System.getenv("EGGS_SHUCKLE");
    String text = shuckle != null ? shuckle : environment;
    try {
      return Addresses.parseList(
          text == null || text.isBlank() ? ClusterOptions.SHUCKLE_DEFAULT : text);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--shuckle: " + e.getMessage());
    }
  }

  /** The one or two addresses to bind. */
  List<InetSocketAddress> bindAddresses(int defaultPort) throws CommandFailure {
    List<InetSocketAddress> given = givenAddresses();
    return given.isEmpty() ? List.of(Addresses.parse("127.0.0.1:" + defaultPort)) : given;
  }

  /** The addresses of the command line, at most two. */
  List<InetSocketAddress> givenAddresses() throws CommandFailure {
    if (addresses.size() > 2) {
      throw new CommandFailure(ExitCodes.USAGE, "--addr is given at most twice");
    }
    List<InetSocketAddress> parsed = new ArrayList<>();
    try {
      for (String address : addresses) {
        parsed.add(bindable(Addresses.parse(address)));
      }
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--addr: " + e.getMessage());
    }
    return parsed;
  }

  /** Without an address Java would bind all interfaces, and another one would be advertised. */
  private static InetSocketAddress bindable(InetSocketAddress address) {
    if (address.getAddress() instanceof Inet4Address) {
      return address;
    }
    throw new IllegalArgumentException(
        address.getHostString()
            + (address.isUnresolved() ? ": no such address" : " is not an IPv4 address"));
  }
}
