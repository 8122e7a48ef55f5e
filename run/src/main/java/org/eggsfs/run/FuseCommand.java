package org.eggsfs.run;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.eggsfs.cli.ClusterOptions;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.cli.Logging;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.fuse.EggsMount;
import org.eggsfs.fuse.MountOptions;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code eggsfuse}: mounts a running cluster until it is unmounted or told to end. */
@Command(
    name = "eggsfuse",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Mount a running cluster on a directory, until Ctrl-C or umount.",
      "For /etc/fstab, with mount.fuse.eggsfs of the distribution linked into /sbin:",
      "  HOST:PORT  /mnt/eggs  fuse.eggsfs  _netdev,allow_other  0  0"
    })
final class FuseCommand implements Callable<Integer> {
  /**
   * Server restarts and lost packets show as pauses of at most this long, unless an option says
   * else: programs that read files expect a pause where a command would give up.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final RetryPolicy PATIENT_SHARD = RetryPolicy.SHARD.withOverall(PATIENCE);
  private static final RetryPolicy PATIENT_CDC = RetryPolicy.CDC.withOverall(PATIENCE);
  private static final String MOUNTED = "ready, mounted on ";
  private static final List<String> BACKGROUND = List.of("-b", "--background", "-background");
  private static final Path SETSID = Path.of("/usr/bin/setsid");

  private final List<String> arguments;

  @Parameters(
      arity = "1..2",
      paramLabel = "[HOST:PORT] DIR",
      description = "The directory, and before it perhaps the address of the shuckle.")
  private List<String> places = new ArrayList<>();

  @Mixin private ClusterOptions cluster;

  @Mixin private MountFlags flags;

  @Option(
      names = {"-b", "--background"},
      description = "Return when it is mounted and go on in the background.")
  private boolean background;

  @Option(
      names = "--with-process",
      paramLabel = "PID",
      hidden = true,
      description = "End when that process ends.")
  private Long withProcess;

  @Option(
      names = "--log-file",
      paramLabel = "FILE",
      description = "With --background: where messages go (nowhere by default).")
  private Path logFile;

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description = "trace, debug, info or error (the default).")
  private String logLevel;

  /** The command with the arguments it is going to parse, to start itself again with. */
  FuseCommand(String... arguments) {
    this.arguments = List.of(arguments);
  }

  @Override
  public Integer call() throws Exception {
    Path directory = Path.of(places.getLast());
    if (background) {
      return startBackground();
    }
    MountOptions options = flags.options(source());
    ClientConfig.Builder config = cluster.config(source(), PATIENT_SHARD, PATIENT_CDC);
    if (logLevel != null) {
      Logging.level(logLevel);
    }
    String missing = EggsMount.unavailable();
    if (missing != null) {
      throw new CommandFailure("cannot mount: " + missing);
    }
    Lifetime lifetime = new Lifetime();
    lifetime.endWith(withProcess);
    Mounted mounted = mount(config, directory, options, lifetime);
    System.out.println(MOUNTED + mounted.mount.directory());
    System.out.flush();
    return lifetime.serve(mounted);
  }

  private String source() {
    return places.size() == 2
        ? places.getFirst()
        : flags.shuckle() != null ? flags.shuckle() : cluster.shuckle();
  }

  /** A mount with its own client. */
  static final class Mounted implements AutoCloseable {
    private final EggsClient client;
    private final EggsMount mount;

    private Mounted(EggsClient client, EggsMount mount) {
      this.client = client;
      this.mount = mount;
    }

    /** Where it is mounted. */
    Path directory() {
      return mount.directory();
    }

    @Override
    public void close() {
      mount.close();
      client.close();
    }
  }

  /** Mounts a cluster; somebody else's umount ends the lifetime. */
  static Mounted mount(
      ClientConfig.Builder config, Path directory, MountOptions options, Lifetime lifetime)
      throws CommandFailure {
    EggsClient client = null;
    boolean mounted = false;
    try {
      client = EggsClient.connect(config.readDeadline(PATIENCE).writeDeadline(PATIENCE).build());
      Mounted result = new Mounted(client, EggsMount.mount(client, directory, options));
      mounted = true;
      if (lifetime != null) {
        Thread.ofVirtual().name("unmount-watch").start(() -> watch(result.mount, lifetime));
      }
      return result;
    } catch (IOException | EggsException e) {
      throw new CommandFailure("cannot mount on " + directory + ": " + e.getMessage());
    } finally {
      if (!mounted && client != null) {
        client.close();
      }
    }
  }

  /** The same for an instance in this process. */
  static Mounted mount(InetSocketAddress shuckle, Path directory) throws CommandFailure {
    return mount(
        ClientConfig.builder().shuckle(shuckle).shardRetry(PATIENT_SHARD).cdcRetry(PATIENT_CDC),
        directory,
        MountOptions.builder().source(text(shuckle)).build(),
        null);
  }

  private static String text(InetSocketAddress address) {
    return Addresses.format(Addresses.endpoint(address));
  }

  private static void watch(EggsMount mount, Lifetime lifetime) {
    try {
      mount.awaitEnd(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
      lifetime.end();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Starts this command again without {@code --background} and waits until it has mounted. */
  private int startBackground() throws IOException, CommandFailure {
    List<String> command = new ArrayList<>();
    if (Files.isExecutable(SETSID)) {
      command.add(SETSID.toString());
    }
    command.addAll(ChildCommand.of("fuse", Path.of(System.getProperty("java.io.tmpdir"))));
    arguments.stream().filter(argument -> !BACKGROUND.contains(argument)).forEach(command::add);
    ProcessBuilder.Redirect log =
        logFile == null
            ? ProcessBuilder.Redirect.DISCARD
            : ProcessBuilder.Redirect.appendTo(logFile.toFile());
    // Errors of the start go to the caller; afterwards nobody reads them.
    Process child = new ProcessBuilder(command).redirectError(errors(log)).start();
    child.getOutputStream().close();
    try (BufferedReader out =
        new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        if (line.startsWith(MOUNTED)) {
          return ExitCodes.OK;
        }
      }
    }
    throw new CommandFailure("the mount could not be started; try without --background");
  }

  private ProcessBuilder.Redirect errors(ProcessBuilder.Redirect log) {
    return logFile == null ? ProcessBuilder.Redirect.INHERIT : log;
  }
}
