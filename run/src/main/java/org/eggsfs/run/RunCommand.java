package org.eggsfs.run;

import java.net.InetSocketAddress;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.Logging;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code eggsrun}: a whole instance on this machine, in one process or in many. */
@Command(
    name = "eggsrun",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Run a whole instance on this machine until Ctrl-C.")
final class RunCommand implements Callable<Integer> {
  private static final long READY_SECONDS_MAX = 60;
  private static final long POLL_NANOS = 10_000_000;

  @Mixin private InstanceOptions options;

  @Option(
      names = "--processes",
      description = "One process for each role and block server instead of one for all.")
  private boolean processes;

  @Option(
      names = "--restart",
      description = "With --processes: start a process again when it ended by itself.")
  private boolean restart;

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description = "trace, debug, info or error (default ${DEFAULT-VALUE}).")
  private String logLevel = "error";

  @Option(names = "--verbose", description = "Log level debug.")
  private boolean verbose;

  @Option(names = "--trace", description = "Log level trace; stack traces of errors.")
  private boolean trace;

  @Option(
      names = {"--leader-only", "--no-fuse"},
      hidden = true,
      description = "Accepted for TernFS's habits: there is one replica and no mount.")
  @SuppressWarnings("UnusedVariable")
  private boolean ignored;

  @Option(
      names = "--exit-when-ready",
      description = "Stop at once when ready; to try a start, or to train a cache of classes.")
  private boolean exitWhenReady;

  @Override
  public Integer call() throws Exception {
    long startNanos = System.nanoTime();
    String level = trace ? "trace" : verbose ? "debug" : logLevel;
    Logging.level(level);
    options.check();
    Lifetime lifetime = new Lifetime();
    if (processes) {
      ProcessInstance instance = ProcessInstance.start(options, restart, level, lifetime);
      return serve(instance, instance::isReady, instance.shuckleAddress(), startNanos, lifetime);
    }
    LocalInstance instance = LocalInstance.start(options, lifetime);
    return serve(instance, instance::isReady, instance.shuckleAddress(), startNanos, lifetime);
  }

  private interface ReadyCheck {
    boolean isReady() throws CommandFailure;
  }

  private int serve(
      AutoCloseable instance,
      ReadyCheck check,
      InetSocketAddress shuckle,
      long startNanos,
      Lifetime lifetime)
      throws Exception {
    Thread.ofPlatform()
        .daemon()
        .name("readiness")
        .start(() -> announce(check, shuckle, startNanos, lifetime));
    return lifetime.serve(instance);
  }

  private void announce(
      ReadyCheck check, InetSocketAddress shuckle, long startNanos, Lifetime lifetime) {
    try {
      while (!check.isReady()) {
        if (lifetime.isEnding()) {
          return;
        }
        if (System.nanoTime() - startNanos > READY_SECONDS_MAX * 1_000_000_000L) {
          lifetime.fail("not ready after " + READY_SECONDS_MAX + " s; --log-level info tells more");
          return;
        }
        LockSupport.parkNanos(POLL_NANOS);
      }
    } catch (CommandFailure e) {
      lifetime.fail(e.getMessage());
      return;
    }
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    String address = shuckle.getAddress().getHostAddress() + ":" + shuckle.getPort();
    String command =
        System.getProperty("eggsfs.command", "eggs").equals("eggs") ? "./eggs cli" : "eggscli";
    boolean standard = address.equals(org.eggsfs.cli.ClusterOptions.SHUCKLE_DEFAULT);
    String prefix = standard ? command : command + " --shuckle " + address;
    System.out.printf(
        Locale.ROOT,
        "ready after %.1f s, shuckle at %s, data in %s%n",
        seconds,
        address,
        options.dataDir.toAbsolutePath().normalize());
    System.out.println("try:  " + prefix + " ls -l /");
    System.out.println("      " + prefix + " mkdir /docs");
    System.out.println("      " + prefix + " cp -r FOLDER eggs:/docs");
    System.out.println("      " + prefix + " df");
    System.out.println("Ctrl-C stops it; the data stays.");
    System.out.flush();
    if (exitWhenReady) {
      lifetime.end();
    }
  }
}
