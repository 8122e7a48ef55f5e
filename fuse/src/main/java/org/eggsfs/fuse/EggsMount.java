package org.eggsfs.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.fuse.fs.EggsFileSystem;
import org.eggsfs.fuse.kernel.FuseMount;

/**
 * A mounted cluster. The client stays the caller's and must outlive the mount.
 *
 * <p>Closing unmounts. Files being written that nobody has closed by then are thrown away.
 */
public final class EggsMount implements AutoCloseable {
  private static final String TYPE = "eggsfs";

  private final FuseMount mount;
  private final EggsFileSystem fileSystem;

  private EggsMount(FuseMount mount, EggsFileSystem fileSystem) {
    this.mount = mount;
    this.fileSystem = fileSystem;
  }

  /** Why nothing can be mounted on this machine, or null if it can. */
  public static String unavailable() {
    return FuseMount.unavailable();
  }

  /** Makes the directory if it does not exist, after taking away a killed server's mount. */
  public static void prepare(Path directory) throws IOException {
    FuseMount.removeStale(directory.toAbsolutePath().normalize());
    Files.createDirectories(directory);
  }

  /**
   * Mounts on an existing directory; a mount that a killed server left there is replaced.
   *
   * @throws IOException if the kernel refuses, with the reason
   */
  public static EggsMount mount(EggsClient client, Path directory, MountOptions options)
      throws IOException {
    EggsFileSystem fileSystem = new EggsFileSystem(client, options.settings());
    FuseMount mount =
        FuseMount.mount(
            directory,
            fileSystem,
            new FuseMount.Options(
                TYPE,
                options.source(),
                options.allowOther(),
                options.allowOther(),
                options.readOnly(),
                options.executable(),
                options.threads(),
                options.ioUring(),
                options.readAheadBytes()));
    if (!options.readOnly()) {
      client.newNames().prepare();
    }
    return new EggsMount(mount, fileSystem);
  }

  /** Where it is mounted. */
  public Path directory() {
    return mount.directory();
  }

  /** Whether requests come by io_uring. */
  public boolean usesIoUring() {
    return mount.session().usesIoUring();
  }

  /** Files and directories that the kernel knows at the moment. */
  public int knownNodes() {
    return fileSystem.knownNodes();
  }

  /** Waits until it is unmounted, by us or by somebody else; false if the time is over before. */
  public boolean awaitEnd(long time, TimeUnit unit) throws InterruptedException {
    return mount.session().awaitEnd(time, unit);
  }

  @Override
  public void close() {
    mount.close();
  }
}
