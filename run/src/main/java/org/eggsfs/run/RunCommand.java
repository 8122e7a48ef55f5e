package org.eggsfs.run;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.Logging;
import org.eggsfs.fuse.EggsMount;
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
      names = "--leader-only",
      hidden = true,
      description = "Accepted for TernFS's habits: there is one replica.")
  @SuppressWarnings("UnusedVariable")
  private boolean ignored;

  @Option(
      names = "--mount",
      paramLabel = "DIR",
      description = "Where to mount the instance (default DATA-DIR/mnt, where FUSE is available).")
  private Path mountPoint;

  @Option(
      names = {"--no-mount", "--no-fuse"},
      description = "Do not mount it.")
  private boolean noMount;

  private volatile AutoCloseable mounted = () -> {};

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
      return serve(
          instance,
          instance::isReady,
          instance.shuckleAddress(),
          directory -> {
            instance.mount(directory);
            return () -> {};
          },
          startNanos,
          lifetime);
    }
    LocalInstance instance = LocalInstance.start(options, lifetime);
    return serve(
        instance,
        instance::isReady,
        instance.shuckleAddress(),
        directory -> FuseCommand.mount(instance.shuckleAddress(), directory),
        startNanos,
        lifetime);
  }

  private interface ReadyCheck {
    boolean isReady() throws CommandFailure;
  }

  private interface Mounting {
    AutoCloseable mount(Path directory) throws CommandFailure, IOException;
  }

  private int serve(
      AutoCloseable instance,
      ReadyCheck check,
      InetSocketAddress shuckle,
      Mounting mounting,
      long startNanos,
      Lifetime lifetime)
      throws Exception {
    Thread announcer =
        Thread.ofPlatform()
            .daemon()
            .name("readiness")
            .start(() -> announce(check, shuckle, mounting, startNanos, lifetime));
    return lifetime.serve(
        () -> {
          // It may be mounting just now; who uses the mount goes before what it uses.
          announcer.join();
          try {
            mounted.close();
          } finally {
            instance.close();
          }
        });
  }

  private void announce(
      ReadyCheck check,
      InetSocketAddress shuckle,
      Mounting mounting,
      long startNanos,
      Lifetime lifetime) {
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
    String mount = mount(mounting, lifetime);
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
    System.out.println(mount);
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

  /** Mounts where that is possible; says in a line what came of it. */
  private String mount(Mounting mounting, Lifetime lifetime) {
    if (noMount || lifetime.isEnding()) {
      return "not mounted (--no-mount)";
    }
    String missing = EggsMount.unavailable();
    if (missing != null) {
      if (mountPoint != null) {
        lifetime.fail("cannot mount: " + missing);
      }
      return "not mounted: " + missing;
    }
    Path directory =
        (mountPoint == null ? MountFlags.standardMountPoint(options.dataDir) : mountPoint)
            .toAbsolutePath()
            .normalize();
    try {
      EggsMount.prepare(directory);
      mounted = mounting.mount(directory);
      return "mounted on " + directory;
    } catch (CommandFailure | IOException | RuntimeException e) {
      // Whatever it is: somebody waits for the word that the instance is ready.
      String reason = e.getMessage() == null ? e.toString() : e.getMessage();
      if (mountPoint != null) {
        lifetime.fail(reason);
      }
      return "not mounted: " + reason;
    }
  }
}
