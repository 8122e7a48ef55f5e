package org.eggsfs.run;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.store.DataDirectory;

/**
 * A whole instance in one process for each role and block server, supervised by this one.
 *
 * <p>The pid of each child is in {@code pids/NAME.pid}, its output in {@code logs/NAME.log}. A
 * child that ends by itself is reported and, under an option, started again; the others go on. All
 * end with this process, however it ends.
 */
final class ProcessInstance implements AutoCloseable {
  private static final long START_SECONDS_MAX = 30;
  private static final long STOP_SECONDS_EACH = 6;
  private static final long RESTART_DELAY_MILLIS = 500;
  private static final String BLOCK_SERVER_PREFIX = "bs_";
  private static final String MOUNT = "mount";
  private static final Path SETSID = Path.of("/usr/bin/setsid");

  private final DataDirectory directory;
  private final InstanceLayout layout;
  private final boolean restart;
  private final Lifetime lifetime;
  private final Map<String, Child> children = new ConcurrentHashMap<>();
  private InetSocketAddress shuckle;
  private volatile boolean closing;

  private ProcessInstance(
      DataDirectory directory, InstanceLayout layout, boolean restart, Lifetime lifetime) {
    this.directory = directory;
    this.layout = layout;
    this.restart = restart;
    this.lifetime = lifetime;
  }

  /** Starts the shuckle, waits for it, then starts all others. */
  static ProcessInstance start(
      InstanceOptions options, boolean restart, String logLevel, Lifetime lifetime)
      throws CommandFailure {
    InstanceLayout layout = new InstanceLayout(options.dataDir.toAbsolutePath().normalize());
    ProcessInstance instance = null;
    try {
      instance =
          new ProcessInstance(
              DataDirectory.open(layout.root(), InstanceLayout.FORMAT), layout, restart, lifetime);
      Files.createDirectories(layout.pids());
      Files.createDirectories(layout.logs());
      instance.startAll(options, InstanceShape.of(layout, options), logLevel);
      return instance;
    } catch (IOException e) {
      if (instance != null) {
        instance.close();
      }
      throw new CommandFailure(e.getMessage() == null ? e.toString() : e.getMessage());
    } catch (CommandFailure e) {
      if (instance != null) {
        instance.close();
      }
      throw e;
    }
  }

  private void startAll(InstanceOptions o, InstanceShape shape, String logLevel)
      throws IOException, CommandFailure {
    List<String> common = List.of("--log-level", logLevel);
    List<String> args = new ArrayList<>(common);
    args.addAll(List.of("--db-dir", layout.shuckle().toString(), "--replica", "0"));
    args.addAll(List.of("--addr", o.host + ":" + o.shucklePort));
    add(args, "--staleness-delay", o.stalenessDelay);
    Child first = launch("shuckle", "shuckle", args);
    shuckle = first.awaitAddress();
    if (o.shucklePort == 0) {
      // All others keep to this one, so it must be the same after a restart.
      first.replaceArgument(o.host + ":0", o.host + ":" + shuckle.getPort());
    }
    String address = shuckle.getAddress().getHostAddress() + ":" + shuckle.getPort();

    args = new ArrayList<>(common);
    args.addAll(List.of("--db-dir", layout.cdc().toString(), "--replica", "0"));
    args.addAll(List.of("--addr", o.host + ":0", "--shuckle", address));
    addTimes(args, o);
    launch("cdc", "cdc", args);

    for (int server = 0; server < shape.servers().size(); server++) {
      String name = InstanceLayout.blockServer(server);
      args = new ArrayList<>(common);
      args.addAll(List.of("--failure-domain", name, "--location", "0"));
      args.addAll(List.of("--addr", o.host + ":0", "--shuckle", address));
      args.addAll(List.of("--reserved-storage", Long.toString(o.reservedStorage)));
      add(args, "--erase-cutoff", o.eraseCutoff);
      add(args, "--block-write-cutoff", o.blockWriteCutoff);
      args.addAll(
          List.of(
              "--register-interval",
              InstanceOptions.orElse(o.registerInterval, RoleConfigs.REGISTER_INTERVAL) + "ns"));
      List<Integer> classes = shape.servers().get(server);
      for (int i = 0; i < classes.size(); i++) {
        args.add(layout.blockService(server, i).toString());
        args.add(StorageClass.name(classes.get(i)));
      }
      launch(name, "blocks", args);
    }
    Assignment.await(shuckle, shape, this::areBlockServersReady, lifetime);

    args = new ArrayList<>(common);
    args.addAll(List.of("--db-dir", layout.shards().toString(), "--replica", "0"));
    args.addAll(List.of("--addr", o.host + ":0", "--shuckle", address));
    add(args, "--transient-deadline-interval", o.transientDeadlineInterval);
    addTimes(args, o);
    launch("shards", "shard", args);
    if (!o.noGc) {
      args = new ArrayList<>(common);
      args.addAll(List.of("--data-dir", layout.gc().toString(), "--shuckle", address));
      args.addAll(List.of("--addr", o.host + ":0"));
      args.addAll(List.of("--collect-directories", "--destruct-files", "--migrate"));
      args.addAll(List.of("--scrub", "--scrub-blocks-per-second"));
      args.add(Double.toString(RoleConfigs.SCRUB_BLOCKS_PER_SECOND));
      args.add("--scrub-bytes-per-second");
      args.add(Double.toString(RoleConfigs.SCRUB_BYTES_PER_SECOND));
      add(args, "--collect-directories-min-edge-age", o.gcMinEdgeAge);
      add(args, "--destruct-files-slack", o.gcSlack);
      add(args, "--cycle-min", o.gcCycleMin);
      launch("gc", "gc", args);
    }
  }

  private static void addTimes(List<String> args, InstanceOptions o) {
    add(
        args,
        "--refresh-interval",
        InstanceOptions.orElse(o.refreshInterval, RoleConfigs.REFRESH_INTERVAL));
    add(
        args,
        "--register-interval",
        InstanceOptions.orElse(o.registerInterval, RoleConfigs.REGISTER_INTERVAL));
  }

  private static void add(List<String> args, String option, Long nanos) {
    if (nanos != null) {
      args.add(option);
      args.add(nanos + "ns");
    }
  }

  private Child launch(String name, String role, List<String> args) throws IOException {
    List<String> command = new ArrayList<>();
    // A process group of its own: Ctrl-C at a terminal reaches only the supervisor, which stops
    // its children in order.
    if (Files.isExecutable(SETSID)) {
      command.add(SETSID.toString());
    }
    command.addAll(ChildCommand.of(role, layout.logs()));
    command.addAll(args);
    command.add("--with-process");
    command.add(Long.toString(ProcessHandle.current().pid()));
    Child child = new Child(name, command);
    children.put(name, child);
    child.start();
    return child;
  }

  /** Mounts the instance, in a process of its own. */
  void mount(Path directory) throws IOException, CommandFailure {
    Child child =
        launch(
            MOUNT,
            "fuse",
            List.of(Addresses.format(Addresses.endpoint(shuckle)), directory.toString()));
    child.awaitReady();
  }

  /** Where clients find this instance. */
  InetSocketAddress shuckleAddress() {
    return shuckle;
  }

  private boolean areBlockServersReady() {
    return children.values().stream()
        .allMatch(child -> child.ready || !child.name.startsWith(BLOCK_SERVER_PREFIX));
  }

  /** Whether every child has said that it is ready. */
  boolean isReady() throws CommandFailure {
    for (Child child : children.values()) {
      if (!child.ready) {
        if (!child.process.isAlive() && !restart) {
          throw new CommandFailure(
              child.name + " ended before it was ready; see " + child.logFile());
        }
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    closing = true;
    stop(List.of(MOUNT));
    stop(List.of("gc"));
    stop(List.of("cdc"));
    stop(List.of("shards"));
    stop(children.keySet().stream().filter(name -> name.startsWith(BLOCK_SERVER_PREFIX)).toList());
    stop(List.of("shuckle"));
    directory.close();
  }

  private void stop(List<String> names) {
    List<Child> stopping = new ArrayList<>();
    for (String name : names) {
      Child child = children.get(name);
      if (child != null && child.process != null) {
        child.process.destroy();
        stopping.add(child);
      }
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(STOP_SECONDS_EACH);
    for (Child child : stopping) {
      child.awaitEnd(deadline);
    }
  }

  /** One process and what it says. */
  private final class Child {
    private final String name;
    private final List<String> command;
    private final CountDownLatch said = new CountDownLatch(1);
    private volatile Process process;
    private volatile boolean ready;
    private volatile String readyLine = "";

    Child(String name, List<String> command) {
      this.name = name;
      this.command = command;
    }

    Path logFile() {
      return layout.logs().resolve(name + ".log");
    }

    private Path pidFile() {
      return layout.pids().resolve(name + ".pid");
    }

    /** For the next start. */
    void replaceArgument(String argument, String replacement) {
      command.replaceAll(each -> each.equals(argument) ? replacement : each);
    }

    void start() throws IOException {
      ready = false;
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.redirectError(ProcessBuilder.Redirect.appendTo(logFile().toFile()));
      Process started = builder.start();
      process = started;
      try {
        started.getOutputStream().close();
        Files.writeString(pidFile(), started.pid() + "\n");
      } catch (IOException e) {
        // Nobody would follow it.
        started.destroyForcibly();
        throw e;
      }
      Thread.ofPlatform().daemon().name("child-" + name).start(() -> follow(started));
    }

    private void follow(Process followed) {
      try (InputStream in = followed.getInputStream();
          BufferedReader lines =
              new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          if (line.startsWith("ready")) {
            readyLine = line;
            ready = true;
            said.countDown();
          }
        }
        int code = followed.waitFor();
        said.countDown();
        ended(code);
      } catch (IOException e) {
        throw new UncheckedIOException("reading from " + name, e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private void ended(int code) throws InterruptedException {
      if (closing) {
        return;
      }
      System.err.println("eggsrun: " + name + " ended with code " + code + "; log in " + logFile());
      if (!restart) {
        if (name.equals("shuckle") && !ready) {
          lifetime.fail("without a shuckle there is no instance");
        }
        return;
      }
      boolean again = false;
      while (!again) {
        Thread.sleep(RESTART_DELAY_MILLIS);
        if (closing) {
          return;
        }
        try {
          start();
          again = true;
          System.err.println("eggsrun: " + name + " is started again");
        } catch (IOException e) {
          // No memory for a process, or no space for its log: there may be some soon.
          System.err.println("eggsrun: " + name + " cannot be started again: " + e.getMessage());
        }
      }
    }

    /** The address in the shuckle's line. */
    InetSocketAddress awaitAddress() throws CommandFailure {
      awaitReady();
      String text = readyLine.substring(readyLine.lastIndexOf('/') + 1);
      return Addresses.parse(text.substring(text.lastIndexOf(' ') + 1));
    }

    void awaitReady() throws CommandFailure {
      try {
        boolean spoke = said.await(START_SECONDS_MAX, TimeUnit.SECONDS);
        if (!spoke || !ready) {
          throw new CommandFailure(name + " did not start: " + lastLogLine());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CommandFailure("interrupted while starting");
      }
    }

    private String lastLogLine() {
      try {
        List<String> lines = Files.readAllLines(logFile());
        return lines.isEmpty() ? "no word from it" : lines.getLast();
      } catch (IOException e) {
        return "see " + logFile();
      }
    }

    void awaitEnd(long deadlineNanos) {
      try {
        if (!process.waitFor(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          process.destroyForcibly().waitFor();
        }
        Files.deleteIfExists(pidFile());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (IOException e) {
        System.getLogger(ProcessInstance.class.getName())
            .log(System.Logger.Level.DEBUG, "removing " + pidFile(), e);
      }
    }
  }
}
