package org.eggsfs.tests.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.fuse.EggsMount;

/**
 * A mount of the cluster, served by a process of its own that may be killed: then every call on it
 * fails until the next start, which has to replace what the killed one left. Closing takes it away
 * in any case.
 */
public final class Mount implements AutoCloseable {
  private final Cluster cluster;
  private final Path directory;
  private final RoleProcess process;
  private final AtomicInteger outages = new AtomicInteger();

  /**
   * Mounts.
   *
   * @param name of the process and of the directory; unlike the names of other mounts
   */
  public Mount(Cluster cluster, String name) throws IOException, InterruptedException {
    this.cluster = cluster;
    // As the kernel names it.
    this.directory = Files.createDirectories(cluster.root().resolve(name)).toRealPath();
    List<String> arguments = new ArrayList<>(List.of("--log-level", "error"));
    arguments.add(directory.toString());
    this.process = cluster.addHelper(name, "fuse", arguments);
    boolean mounted = false;
    try {
      process.start();
      process.awaitReady();
      mounted = true;
    } finally {
      if (!mounted) {
        close();
      }
    }
  }

  /** Why nothing can be mounted here, or null. */
  public static String unavailable() {
    return EggsMount.unavailable();
  }

  /** The root of the mount. */
  public Path root() {
    return directory;
  }

  /**
   * A number that is odd while the mount is gone, and that grows: who sees the same even number
   * before and after something had the mount all the time.
   */
  public int outages() {
    return outages.get();
  }

  /** SIGKILL; every call that waits ends with an error, and so does every later one. */
  public void kill() throws InterruptedException {
    outages.incrementAndGet();
    process.kill();
  }

  /** Mounts again over what a killed server has left. */
  public void restart() throws IOException, InterruptedException {
    process.start();
    process.awaitReady();
    outages.incrementAndGet();
  }

  /** Ends the server without a word, so that everybody who waits for it goes on, for good. */
  public void abort() throws IOException, InterruptedException {
    kill();
    MountTable.detachBelow(directory);
  }

  @Override
  public void close() throws IOException {
    cluster.removeHelper(process);
    try {
      MountTable.detachBelow(directory);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
