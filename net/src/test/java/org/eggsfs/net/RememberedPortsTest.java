package org.eggsfs.net;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: ports are remembered where they can be, and no damage keeps a server from starting. */
class RememberedPortsTest {
  @TempDir private Path folder;

  @Test
  void whatWasSavedIsRemembered() throws Exception {
    Path file = folder.resolve("ports");
    RememberedPorts ports = new RememberedPorts(file);
    assertEquals(0, ports.get("a"));
    ports.put("a", 4000);
    ports.save();
    assertEquals(4000, new RememberedPorts(file).get("a"));
  }

  @Test
  void anyBytesAreRead() throws Exception {
    Path file = folder.resolve("ports");
    Files.write(
        file, new byte[] {(byte) 0xff, (byte) 0xc3, 0, '\n', 'b', ' ', '7', '\n', 'c', ' '});
    RememberedPorts ports = new RememberedPorts(file);
    assertEquals(7, ports.get("b"));
    assertEquals(0, ports.get("c"));
  }
}
