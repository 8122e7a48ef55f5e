package org.eggsfs.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.core.Durations;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ProtocolConstants;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** How to reach the cluster: the options that every command of a client has (cli.md section 1). */
public final class ClusterOptions {
  /** Where {@code eggsrun} puts its shuckle. */
  public static final String SHUCKLE_DEFAULT = "127.0.0.1:10001";

  @Option(
      names = {"--shuckle", "--registry"},
      paramLabel = "HOST:PORT",
      scope = ScopeType.INHERIT,
      description =
          "Address of the shuckle, several separated by commas"
              + " (EGGS_SHUCKLE, else "
              + SHUCKLE_DEFAULT
              + ").")
  private String shuckle;

  @Option(
      names = "--addr",
      paramLabel = "IP[:PORT]",
      scope = ScopeType.INHERIT,
      description = "Local address to send from; up to two.")
  private List<String> addresses = new ArrayList<>();

  @Option(
      names = "--mtu",
      paramLabel = "N|max",
      scope = ScopeType.INHERIT,
      description = "Largest metadata answer, 1472 to 8972 (found out by default).")
  private String mtu;

  @Option(names = "--shard-initial-timeout", paramLabel = "DUR", scope = ScopeType.INHERIT)
  private String shardInitial;

  @Option(names = "--shard-max-timeout", paramLabel = "DUR", scope = ScopeType.INHERIT)
  private String shardMax;

  @Option(
      names = "--shard-overall-timeout",
      paramLabel = "DUR",
      scope = ScopeType.INHERIT,
      description =
          "Time-outs of shard requests (100ms, 2s, 10s, of a mount 1m; overall 0 = for ever).")
  private String shardOverall;

  @Option(names = "--cdc-initial-timeout", paramLabel = "DUR", scope = ScopeType.INHERIT)
  private String cdcInitial;

  @Option(names = "--cdc-max-timeout", paramLabel = "DUR", scope = ScopeType.INHERIT)
  private String cdcMax;

  @Option(
      names = "--cdc-overall-timeout",
      paramLabel = "DUR",
      scope = ScopeType.INHERIT,
      description = "Time-outs of CDC requests (1s, 10s, 1m).")
  private String cdcOverall;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Log more on standard error.")
  private boolean verbose;

  @Option(
      names = "--trace",
      scope = ScopeType.INHERIT,
      description = "Log everything, and print stack traces of errors.")
  private boolean trace;

  /** The address or addresses of the shuckle as text. */
  public String shuckle() {
    if (shuckle != null) {
      return shuckle;
    }
    String environment = System.getenv("EGGS_SHUCKLE");
    return environment == null || environment.isBlank() ? SHUCKLE_DEFAULT : environment.strip();
  }

  /** A builder with these options set, for callers with wishes of their own. */
  public ClientConfig.Builder config() throws CommandFailure {
    return config(shuckle(), RetryPolicy.SHARD, RetryPolicy.CDC);
  }

  /**
   * The same for a cluster whose address was given in another way, with other time-outs where no
   * option says any.
   */
  public ClientConfig.Builder config(
      String address, RetryPolicy shardStandard, RetryPolicy cdcStandard) throws CommandFailure {
    Logging.level(trace ? "trace" : verbose ? "debug" : "error");
    try {
      ClientConfig.Builder config = ClientConfig.builder().shuckle(address);
      if (mtu != null) {
        config.mtu(
            mtu.toLowerCase(Locale.ROOT).equals("max")
                ? ProtocolConstants.MAX_UDP_MTU
                : Integer.parseInt(mtu));
      }
      config.shardRetry(retry(shardStandard, shardInitial, shardMax, shardOverall));
      config.cdcRetry(retry(cdcStandard, cdcInitial, cdcMax, cdcOverall));
      for (String source : addresses) {
        int colon = source.indexOf(':');
        InetAddress ip = InetAddress.getByName(colon < 0 ? source : source.substring(0, colon));
        config.blockSource(new InetSocketAddress(ip, 0));
        if (source.equals(addresses.getFirst())) {
          int port = colon < 0 ? 0 : Integer.parseInt(source.substring(colon + 1));
          config.metadataSource(new InetSocketAddress(ip, port));
        }
      }
      config.build();
      return config;
    } catch (UnknownHostException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--addr " + e.getMessage() + ": no such address");
    } catch (NumberFormatException e) {
      throw new CommandFailure(ExitCodes.USAGE, "not a number: " + e.getMessage());
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
  }

  private static RetryPolicy retry(
      RetryPolicy standard, String initial, String max, String overall) {
    long initialNanos = initial == null ? standard.initialNanos() : Durations.parse(initial);
    return new RetryPolicy(
        initialNanos,
        max == null ? Math.max(standard.maxNanos(), initialNanos) : Durations.parse(max),
        overall == null ? standard.overallNanos() : Durations.parse(overall));
  }

  /** Connects with these options. */
  public EggsClient connect() throws CommandFailure, EggsException {
    return connect(config().build());
  }

  /** Connects; a failure names the address and what to do. */
  public EggsClient connect(ClientConfig config) throws CommandFailure, EggsException {
    try {
      return EggsClient.connect(config);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCodes.FAILED,
          "cannot reach the shuckle at "
              + shuckle()
              + ": "
              + CommandRunner.describe(e)
              + "; start an instance with 'eggs run' or give its address with --shuckle or"
              + " EGGS_SHUCKLE",
          e);
    }
  }
}
