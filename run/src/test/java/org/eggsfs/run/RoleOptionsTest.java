package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: role commands take TernFS's spellings and refuse what they cannot do with a reason. */
class RoleOptionsTest {
  @TempDir private Path folder;

  private record Ran(int exitCode, String errors) {}

  private static synchronized Ran run(String role, String... args) {
    PrintStream before = System.err;
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
    try {
      int exitCode = Eggs.start(role, args);
      return new Ran(exitCode, errors.toString(StandardCharsets.UTF_8));
    } finally {
      System.setErr(before);
    }
  }

  @Test
  void otherReplicasAreRefused() {
    for (String role : new String[] {"shard", "cdc", "shuckle"}) {
      Ran ran =
          run(
              role,
              "-db-dir",
              folder.toString(),
              "-registry",
              "127.0.0.1:1",
              "-addr",
              "127.0.0.1:0",
              "-replica",
              "1");
      assertEquals(ExitCodes.USAGE, ran.exitCode(), role);
      assertTrue(ran.errors().contains("replica 1"), ran.errors());
    }
  }

  /** What cannot be bound as it was given must not become all interfaces. */
  @Test
  void addressesMustBeThereAndIpv4() {
    for (String role : new String[] {"shard", "cdc", "shuckle", "blocks", "gc"}) {
      for (String address : new String[] {"no-such-host.invalid:0", "::1:0"}) {
        List<String> args = new ArrayList<>(List.of("-registry", "127.0.0.1:1", "-addr", address));
        switch (role) {
          case "blocks" ->
              args.addAll(List.of("-failure-domain", "a", folder.resolve("d").toString(), "FLASH"));
          case "gc" -> args.add("-collect-directories");
          default -> args.addAll(List.of("-db-dir", folder.toString()));
        }
        Ran ran = run(role, args.toArray(new String[0]));
        assertEquals(ExitCodes.USAGE, ran.exitCode(), role + ran.errors());
        assertTrue(ran.errors().contains("--addr: "), ran.errors());
      }
    }
  }

  @Test
  void metricsNeedAWholeTarget() {
    for (String role : new String[] {"gc", "shuckle"}) {
      Ran some = run(role, "-influx-db-origin", "http://127.0.0.1:1", "-influx-db-org", "o");
      assertEquals(ExitCodes.USAGE, some.exitCode(), role + some.errors());
    }
    Ran bad =
        run(
            "gc",
            "-collect-directories",
            "-influx-db-origin",
            "127.0.0.1:1",
            "-influx-db-org",
            "o",
            "-influx-db-bucket",
            "b");
    assertEquals(ExitCodes.USAGE, bad.exitCode());
    assertTrue(bad.errors().contains("http://"), bad.errors());
  }

  @Test
  void shardsAreListed() throws CommandFailure {
    assertEquals(256, ShardCommand.parseShards("0-255").cardinality());
    assertEquals("{0, 1, 2, 7, 255}", ShardCommand.parseShards("0-2,7,255").toString());
    for (String bad : new String[] {"", "256", "-1", "3-1", "a", "0-256", "1,,2"}) {
      assertThrows(CommandFailure.class, () -> ShardCommand.parseShards(bad), bad);
    }
  }

  @Test
  void blockServersNeedPairs() {
    Ran odd =
        run("blocks", "-failure-domain", "a", "-location", "0", folder.resolve("d").toString());
    assertEquals(ExitCodes.USAGE, odd.exitCode());
    Ran wrongClass = run("blocks", "-failure-domain", "a", folder.resolve("d").toString(), "TAPE");
    assertEquals(ExitCodes.USAGE, wrongClass.exitCode());
    assertTrue(wrongClass.errors().contains("TAPE"), wrongClass.errors());
  }

  @Test
  void unknownRolesAndOptions() {
    assertEquals(ExitCodes.USAGE, run("nonsense").exitCode());
    assertEquals(ExitCodes.USAGE, run("run", "-nonsense").exitCode());
    assertEquals(ExitCodes.OK, run("run", "-help").exitCode());
  }

  @Test
  void checkingADirectoryWithoutAnInstance() {
    Ran ran = run("fsck", "--data-dir", folder.toString());
    assertEquals(ExitCodes.FAILED, ran.exitCode());
    assertTrue(ran.errors().contains(folder.toString()), ran.errors());
  }
}
