package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: an instance keeps its shape without being told, may grow, and never shrinks. */
class InstanceShapeTest {
  private static final int HDD = StorageClass.HDD;
  private static final int FLASH = StorageClass.FLASH;

  @TempDir private Path root;

  private InstanceShape shape(Integer domains, Integer hdd, Integer flash)
      throws IOException, CommandFailure {
    InstanceOptions options = new InstanceOptions();
    options.failureDomains = domains;
    options.hddBlockServices = hdd;
    options.flashBlockServices = flash;
    return InstanceShape.of(new InstanceLayout(root), options);
  }

  @Test
  void aNewInstanceHasTheDefaults() throws Exception {
    InstanceShape shape = shape(null, null, null);
    assertEquals(16, shape.servers().size());
    assertEquals(List.of(HDD, HDD, FLASH, FLASH), shape.servers().getLast());
    assertEquals(16, shape.domains(HDD));
    assertEquals(shape, shape(null, null, null));
  }

  @Test
  void itGrowsAndKeepsWhatItHas() throws Exception {
    shape(2, 1, 1);
    InstanceShape moreServers = shape(3, null, null);
    assertEquals(
        List.of(List.of(HDD, FLASH), List.of(HDD, FLASH), List.of(HDD, FLASH)),
        moreServers.servers());
    InstanceShape moreDisks = shape(null, 2, null);
    assertEquals(List.of(HDD, FLASH, HDD), moreDisks.servers().get(1));
    InstanceShape both = shape(4, 2, 2);
    assertEquals(List.of(HDD, FLASH, HDD, FLASH), both.servers().get(0));
    assertEquals(List.of(HDD, HDD, FLASH, FLASH), both.servers().get(3));
    assertEquals(both, shape(null, null, null));
    assertEquals(both, shape(4, 2, 2));
  }

  @Test
  void itDoesNotShrink() throws Exception {
    InstanceShape before = shape(3, 1, 1);
    String fewerServers =
        assertThrows(CommandFailure.class, () -> shape(2, null, null)).getMessage();
    assertTrue(fewerServers.contains("has 3 block servers"), fewerServers);
    assertTrue(fewerServers.contains("decommission"), fewerServers);
    String fewerDisks = assertThrows(CommandFailure.class, () -> shape(5, 0, null)).getMessage();
    assertTrue(fewerDisks.contains("1 HDD"), fewerDisks);
    assertEquals(before, shape(null, null, null));
  }

  @Test
  void anInstanceWithoutTheFileIsReadFromItsDirectories() throws Exception {
    for (int server = 0; server < 2; server++) {
      for (int i = 0; i < 3; i++) {
        Files.createDirectories(new InstanceLayout(root).blockService(server, i));
      }
    }
    InstanceShape shape = shape(3, null, null);
    assertEquals(List.of(HDD, HDD, FLASH), shape.servers().get(0));
    assertEquals(List.of(HDD, HDD, FLASH), shape.servers().get(2));
    assertTrue(Files.exists(root.resolve(InstanceShape.FILE)));
  }

  @Test
  void aDamagedFileIsNotGuessedAt() throws Exception {
    shape(2, 1, 1);
    Path file = root.resolve(InstanceShape.FILE);
    String text = Files.readString(file);
    for (String damaged :
        List.of(
            text.replace("bs_01/0", "bs_01/1"),
            text.replace("HDD", "TAPE"),
            text.replace("bs_01", "bs_02"),
            text + "x")) {
      Files.writeString(file, damaged);
      String message = assertThrows(IOException.class, () -> shape(null, null, null)).getMessage();
      assertTrue(message.contains(file.toString()), message);
    }
  }
}
