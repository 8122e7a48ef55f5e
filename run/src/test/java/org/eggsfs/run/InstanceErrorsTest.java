package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: an instance that cannot start says why and what to do, and leaves nothing running. Method:
 * each obstacle for itself.
 */
class InstanceErrorsTest {
  @TempDir private Path folder;

  private InstanceOptions options() {
    InstanceOptions options = new InstanceOptions();
    options.dataDir = folder.resolve("data");
    options.shucklePort = 0;
    options.failureDomains = 1;
    options.hddBlockServices = 0;
    options.flashBlockServices = 1;
    return options;
  }

  private static String failureOf(InstanceOptions options) {
    return assertThrows(
            CommandFailure.class, () -> LocalInstance.start(options, new Lifetime()).close())
        .getMessage();
  }

  @Test
  void aSecondInstanceOnTheSameDirectory() throws Exception {
    try (LocalInstance first = LocalInstance.start(options(), new Lifetime())) {
      assertTrue(first.shuckleAddress().getPort() != 0);
      String message = failureOf(options());
      assertTrue(message.contains("in use"), message);
      assertTrue(message.contains(options().dataDir.toString()), message);
    }
    // The failed attempt left no lock behind.
    LocalInstance.start(options(), new Lifetime()).close();
  }

  @Test
  void thePortIsTaken() throws Exception {
    try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      InstanceOptions options = options();
      options.shucklePort = other.getLocalPort();
      String message = failureOf(options);
      assertTrue(message.contains(Integer.toString(other.getLocalPort())), message);
      assertTrue(message.contains("--shuckle-port"), message);
    }
    LocalInstance.start(options(), new Lifetime()).close();
  }

  @Test
  void aMountHeedsClientOptionsHoweverItGetsItsAddress() {
    String directory = folder.toString();
    assertEquals(
        ExitCodes.USAGE, Eggs.start("fuse", "--mtu", "much", "127.0.0.1:10001", directory));
    assertEquals(
        ExitCodes.USAGE,
        Eggs.start("fuse", "--mtu", "much", "-o", "shuckle=127.0.0.1:10001", directory));
  }

  @Test
  void dataOfAnotherVersion() throws IOException {
    Files.createDirectories(options().dataDir);
    Files.writeString(options().dataDir.resolve("format"), "eggsrun 999\n");
    String message = failureOf(options());
    assertTrue(message.contains("eggsrun 999"), message);
  }

  @Test
  void aFileInTheWay() throws IOException {
    Files.writeString(options().dataDir, "not a directory");
    String message = failureOf(options());
    assertTrue(message.contains(options().dataDir.toString()), message);
  }

  @Test
  void shapesThatMakeNoSense() {
    InstanceOptions options = options();
    options.failureDomains = 0;
    assertEquals(ExitCodes.USAGE, assertThrows(CommandFailure.class, options::check).exitCode());
    InstanceOptions noDisks = options();
    noDisks.flashBlockServices = 0;
    assertEquals(ExitCodes.USAGE, assertThrows(CommandFailure.class, noDisks::check).exitCode());
  }
}
