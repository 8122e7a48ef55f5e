package org.eggsfs.bench;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.eggsfs.fuse.kernel.FuseMount;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Mounts a local directory through our FUSE layer and nothing else, to tell the share of the kernel
 * and of that layer in the figures of a real mount.
 */
@Command(
    name = "pass-through",
    hidden = true,
    description = "Mount a local directory through the bare FUSE layer, until it is unmounted.")
final class PassThroughCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "SOURCE", description = "The local directory.")
  private Path source;

  @Parameters(index = "1", paramLabel = "DIR", description = "Where to mount it.")
  private Path directory;

  @Option(names = "--no-caching", description = "The kernel may not keep names and attributes.")
  private boolean noCaching;

  @Option(names = "--io-uring", description = "Take requests by io_uring.")
  private boolean ioUring;

  @Override
  public Integer call() throws Exception {
    FuseMount.Options options =
        new FuseMount.Options(
            "passthrough", source.toString(), false, false, false, true, 2, ioUring, 4 << 20);
    try (FuseMount mount =
        FuseMount.mount(
            directory,
            new PassThroughFileSystem(source, noCaching ? 0 : 1_000_000_000L),
            options)) {
      // Told to end, it leaves no dead mount behind.
      Runtime.getRuntime().addShutdownHook(new Thread(mount::close, "unmount"));
      System.out.println("ready, mounted on " + mount.directory());
      System.out.flush();
      mount.session().awaitEnd(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
    }
    return 0;
  }
}
