package org.eggsfs.run.mount;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.fuse.EggsMount;
import org.eggsfs.fuse.MountOptions;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.run.InstanceFixture;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/**
 * The instance and the mount that all test classes of this package use, started by the first and
 * closed when all tests are over. With {@code -Deggsfs.mount.reference=DIR} the tests run in a
 * directory of another file system instead, which shows whether what they expect is what Linux
 * does.
 *
 * <p>A test that hangs in the mount cannot be interrupted, so a watch aborts the connection to the
 * kernel; the test then fails, and so do all that come later.
 */
final class SharedMount implements BeforeAllCallback, InvocationInterceptor {
  private static final String REFERENCE = "eggsfs.mount.reference";
  private static final long TEST_SECONDS_MAX = 120;

  /** What is shared; closed with the root of the tests. */
  static final class Ground implements AutoCloseable {
    private final Path folder;
    private final Path root;
    private final InstanceFixture instance;
    private final EggsClient client;
    private final EggsMount mount;
    private final AtomicInteger directories = new AtomicInteger();
    private EggsClient secondClient;
    private EggsMount second;

    private Ground(Path reference) throws Exception {
      if (reference != null) {
        folder = Files.createTempDirectory(reference, "mount-tests");
        root = folder;
        instance = null;
        client = null;
        mount = null;
        return;
      }
      String missing = EggsMount.unavailable();
      Assumptions.assumeTrue(missing == null, () -> "nothing can be mounted here: " + missing);
      folder = Files.createTempDirectory("mount-tests");
      root = Files.createDirectory(folder.resolve("mnt"));
      instance = InstanceFixture.start(folder);
      client = connect();
      mount = EggsMount.mount(client, root, MountOptions.builder().build());
    }

    private EggsClient connect() throws EggsException, IOException {
      return EggsClient.connect(ClientConfig.builder().shuckle(instance.shuckleAddress()).build());
    }

    boolean isOurs() {
      return mount != null;
    }

    Path root() {
      return root;
    }

    Path newDirectory() throws Exception {
      Path directory = root.resolve("test-" + directories.incrementAndGet());
      Syscalls.mkdir(directory);
      return directory;
    }

    /** Another mount of the same cluster with other options; the caller closes it. */
    EggsMount mountAgain(String name, MountOptions options) throws Exception {
      return EggsMount.mount(client, Files.createDirectory(folder.resolve(name)), options);
    }

    /** The same path on a second mount, which has a client of its own. */
    synchronized Path onSecond(Path path) throws Exception {
      if (second == null) {
        secondClient = connect();
        Path place = Files.createDirectory(folder.resolve("mnt2"));
        second = EggsMount.mount(secondClient, place, MountOptions.builder().build());
      }
      return second.directory().resolve(root.relativize(path).toString());
    }

    // What the cluster itself says, without any mount and its caches.

    private String clusterPath(Path path) {
      return "/" + root.relativize(path);
    }

    boolean isCommitted(Path path) throws Exception {
      try {
        client.paths().resolve(clusterPath(path));
        return true;
      } catch (EggsException e) {
        if (e.code() == ErrorCode.NAME_NOT_FOUND) {
          return false;
        }
        throw e;
      }
    }

    boolean isCommitted(Path path, byte[] content) throws Exception {
      if (!isCommitted(path)) {
        return false;
      }
      try (FileReader reader = client.paths().open(clusterPath(path))) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        reader.stream().transferTo(all);
        return Arrays.equals(content, all.toByteArray());
      }
    }

    List<String> committedNames(Path directory) throws Exception {
      return client.paths().list(clusterPath(directory)).stream()
          .map(edge -> new String(edge.name(), StandardCharsets.UTF_8))
          .sorted()
          .toList();
    }

    void removeElsewhere(Path directory) throws Exception {
      client.paths().rmdir(clusterPath(directory));
    }

    /** Ends every call that hangs in one of the mounts. */
    private void abort() throws IOException, InterruptedException {
      for (EggsMount each : new EggsMount[] {mount, second}) {
        if (each != null) {
          new ProcessBuilder("umount", "-f", each.directory().toString()).start().waitFor();
        }
      }
    }

    @Override
    public void close() throws IOException {
      for (AutoCloseable part :
          new AutoCloseable[] {second, secondClient, mount, client, instance}) {
        if (part != null) {
          try {
            part.close();
          } catch (Exception e) {
            throw new IOException("while the mount for tests is closed", e);
          }
        }
      }
      try (Stream<Path> tree = Files.walk(folder)) {
        for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private static volatile Ground current;

  static Ground current() {
    return current;
  }

  @Override
  public void beforeAll(ExtensionContext context) throws Exception {
    ExtensionContext.Store store =
        context.getRoot().getStore(ExtensionContext.Namespace.create(SharedMount.class));
    synchronized (SharedMount.class) {
      Ground ground = store.get(SharedMount.class, Ground.class);
      if (ground == null) {
        String reference = System.getProperty(REFERENCE);
        ground = new Ground(reference == null ? null : Path.of(reference));
        store.put(SharedMount.class, ground);
      }
      current = ground;
    }
  }

  @Override
  public void interceptTestMethod(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    watched(invocation, context);
  }

  @Override
  public void interceptTestTemplateMethod(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    watched(invocation, context);
  }

  private static void watched(Invocation<Void> invocation, ExtensionContext context)
      throws Throwable {
    CountDownLatch over = new CountDownLatch(1);
    Thread watch =
        Thread.ofPlatform()
            .daemon()
            .name("watch of " + context.getDisplayName())
            .start(
                () -> {
                  try {
                    if (!over.await(TEST_SECONDS_MAX, TimeUnit.SECONDS)) {
                      current.abort();
                    }
                  } catch (IOException | InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    try {
      invocation.proceed();
    } finally {
      over.countDown();
      watch.join();
    }
  }
}
