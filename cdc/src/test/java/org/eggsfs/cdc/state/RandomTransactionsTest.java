package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.eggsfs.cdc.state.CdcFixture.mkdir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.MakeNewDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: many clients at once, a bad network and crashes leave the tree whole (cdc.md section
 * 13.10). Method: random requests from a seed over few directories and few names, so that they
 * meet; some changes go to the shards directly, between any two events.
 */
class RandomTransactionsTest {
  private static final int OPERATIONS = 400;
  private static final String[] NAMES = {"a", "b", "c", "d"};

  final Map<ErrorCode, Integer> errors = new EnumMap<>(ErrorCode.class);
  final Map<String, Integer> successes = new TreeMap<>();

  /** Everything that was ever seen under a name: the picture that clients have, often outdated. */
  private record Seen(long directory, String name, long target, long creationTime) {}

  private static final class World {
    final Simulation simulation;
    final List<Long> directories = new ArrayList<>(List.of(InodeIds.ROOT));
    final List<Seen> seen = new ArrayList<>();

    World(Simulation simulation) {
      this.simulation = simulation;
    }

    long directory() {
      return directories.get(simulation.random.nextInt(directories.size()));
    }

    String name() {
      return NAMES[simulation.random.nextInt(NAMES.length)];
    }

    /** Looks at a random name. */
    Seen look() {
      long directory = directory();
      String name = name();
      try {
        LookupResponse found = simulation.plane.lookup(directory, CdcFixture.bytes(name));
        Seen result = new Seen(directory, name, found.targetId(), found.creationTime());
        seen.add(result);
        if (InodeIds.isDirectory(found.targetId()) && !directories.contains(found.targetId())) {
          directories.add(found.targetId());
        }
        return result;
      } catch (EggsException e) {
        return seen.isEmpty() ? null : seen.get(simulation.random.nextInt(seen.size()));
      }
    }
  }

  private static CdcRequest randomRequest(World world) {
    Seen old = world.look();
    long target = world.directory();
    byte[] newName = bytes(world.name());
    int choice = world.simulation.random.nextInt(10);
    if (choice < 3 || old == null) {
      return choice == 0
          ? new MakeNewDirectoryRequest(target, newName)
          : new MakeDirectoryRequest(target, newName);
    }
    byte[] oldName = bytes(old.name);
    if (InodeIds.isDirectory(old.target)) {
      if (choice < 5) {
        return new SoftUnlinkDirectoryRequest(old.directory, old.target, old.creationTime, oldName);
      }
      if (choice == 8) {
        return new RestoreDirectoryRequest(old.target, target, newName);
      }
      return choice == 9
          ? new HardUnlinkDirectoryRequest(old.target)
          : new RenameDirectoryRequest(
              old.target, old.directory, oldName, old.creationTime, target, newName);
    }
    if (choice == 9) {
      return new CrossShardHardUnlinkFileRequest(
          old.directory, old.target, oldName, old.creationTime);
    }
    return choice == 8
        ? new RenameFileNoReplaceRequest(
            old.target, old.directory, oldName, old.creationTime, target, newName)
        : new RenameFileRequest(
            old.target, old.directory, oldName, old.creationTime, target, newName);
  }

  /** A client that works on one shard alone. */
  private static void interfere(World world) {
    ShardPlane plane = world.simulation.plane;
    Seen old = world.look();
    try {
      switch (world.simulation.random.nextInt(6)) {
        case 0, 1 -> plane.makeFile(world.directory(), bytes(world.name()));
        case 2 -> {
          if (old != null && !InodeIds.isDirectory(old.target)) {
            plane.client(
                old.directory,
                new SoftUnlinkFileRequest(
                    old.directory, old.target, bytes(old.name), old.creationTime));
          }
        }
        case 3 -> {
          if (old != null) {
            plane.client(
                old.directory,
                new SameDirectoryRenameSnapshotRequest(
                    old.target,
                    old.directory,
                    bytes(old.name),
                    old.creationTime,
                    bytes(world.name())));
          }
        }
        case 4 -> {
          if (old != null) {
            plane.client(
                old.directory,
                new RemoveNonOwnedEdgeRequest(
                    old.directory, old.target, bytes(old.name), old.creationTime));
          }
        }
        default -> {
          if (old != null) {
            plane.client(
                old.directory,
                new SameDirectoryRenameRequest(
                    old.target,
                    old.directory,
                    bytes(old.name),
                    old.creationTime,
                    bytes(world.name())));
          }
        }
      }
    } catch (EggsException e) {
      // Names are locked, gone or taken: as it is among many clients.
      assertTrue(e.code() != ErrorCode.INTERNAL_ERROR);
    }
  }

  void run(Simulation simulation, boolean crashes) throws EggsException {
    World world = new World(simulation);
    for (String name : NAMES) {
      world.directories.add(mkdir(simulation, InodeIds.ROOT, name).id());
    }
    List<Simulation.Client> clients = new ArrayList<>();
    for (int i = 0; i < OPERATIONS; i++) {
      clients.add(simulation.send(randomRequest(world)));
      int events = simulation.random.nextInt(12);
      for (int j = 0; j < events; j++) {
        simulation.step();
        if (simulation.random.nextInt(6) == 0) {
          interfere(world);
        }
      }
      if (simulation.random.nextInt(10) == 0) {
        simulation.resend(clients.get(simulation.random.nextInt(clients.size())));
      }
      if (crashes && simulation.random.nextInt(20) == 0) {
        simulation.crash();
      }
      if (i % 50 == 49) {
        simulation.settle();
        simulation.check();
      }
    }
    simulation.settle();
    simulation.check();
    for (Simulation.Client client : clients) {
      if (client.error == null) {
        successes.merge(client.request.request().getClass().getSimpleName(), 1, Integer::sum);
      } else {
        errors.merge(client.error, 1, Integer::sum);
      }
    }
    assertTrue(successes.size() >= 4, () -> "the test tests something: " + successes);
    assertTrue(!errors.containsKey(ErrorCode.INTERNAL_ERROR), errors::toString);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aGoodNetwork(long seed) throws EggsException {
    run(new Simulation(seed), false);
  }

  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22})
  void aBadNetworkAndCrashes(long seed) throws EggsException {
    Simulation simulation = new Simulation(seed);
    simulation.loss = 0.1;
    simulation.duplication = 0.1;
    simulation.refusal = 0.05;
    run(simulation, true);
  }

  @Test
  void aThousandDirectoriesInOneAtOnce() throws EggsException {
    Simulation simulation = new Simulation(1);
    List<Simulation.Client> clients = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      clients.add(simulation.send(new MakeDirectoryRequest(InodeIds.ROOT, bytes("d" + i))));
    }
    simulation.step();
    assertEquals(1000, simulation.state.transactionCount());
    assertTrue(
        simulation.state.unfinished().stream().allMatch(CdcState.Unfinished::started),
        "all of them run at once");
    simulation.settle();
    for (Simulation.Client client : clients) {
      assertTrue(client.response instanceof MakeDirectoryResponse);
    }
    simulation.check();
  }

  /** Renames of directories alone, all at once, so that each might close a loop with another. */
  @ParameterizedTest
  @ValueSource(longs = {31, 32, 33, 34, 35, 36, 37, 38})
  void concurrentRenamesNeverCloseALoop(long seed) throws EggsException {
    Simulation simulation = new Simulation(seed);
    List<Long> directories = new ArrayList<>(List.of(InodeIds.ROOT));
    for (int i = 0; i < 8; i++) {
      long parent = directories.get(simulation.random.nextInt(directories.size()));
      directories.add(mkdir(simulation, parent, "d" + i).id());
    }
    int moved = 0;
    int loops = 0;
    for (int round = 0; round < 60; round++) {
      List<Simulation.Client> clients = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        long target = directories.get(1 + simulation.random.nextInt(8));
        long owner = simulation.plane.stat(target).owner();
        byte[] oldName = bytes("d" + (directories.indexOf(target) - 1));
        LookupResponse edge = simulation.plane.lookup(owner, oldName);
        long into = directories.get(simulation.random.nextInt(directories.size()));
        clients.add(
            simulation.send(
                new RenameDirectoryRequest(
                    target, owner, oldName, edge.creationTime(), into, oldName)));
      }
      simulation.settle();
      simulation.check();
      for (Simulation.Client client : clients) {
        moved += client.error == null ? 1 : 0;
        loops += client.error == ErrorCode.LOOP_IN_DIRECTORY_RENAME ? 1 : 0;
      }
    }
    assertTrue(moved > 20 && loops > 20, "moved " + moved + ", loops " + loops);
  }
}
