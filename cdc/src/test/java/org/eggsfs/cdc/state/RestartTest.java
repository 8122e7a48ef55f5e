package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.eggsfs.cdc.state.CdcFixture.mkdir;
import static org.eggsfs.cdc.state.CdcFixture.renameDirectory;
import static org.eggsfs.cdc.state.CdcFixture.renameFile;
import static org.eggsfs.cdc.state.CdcFixture.renameFileNoReplace;
import static org.eggsfs.cdc.state.CdcFixture.rmdir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.MakeNewDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RenameFileResponse;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Goal: a transaction survives a crash of the CDC at any point. Method: the crash comes after the
 * first event, the second, the third … until the transaction ends before it; each with packets lost
 * and with packets delivered, and with several orders of events. The client asks until it is
 * answered, and must get what it would have got without the crash.
 */
class RestartTest {
  private static final int SEEDS = 6;
  private static final int EVENTS_MAX = 200;

  /** A request, and what it must be answered with. */
  private record Case(CdcRequest request, ErrorCode expected) {}

  private interface Setup {
    Case prepare(Simulation simulation) throws EggsException;
  }

  private static final Map<String, Setup> SCENARIOS =
      Map.ofEntries(
          Map.entry(
              "MAKE_DIRECTORY",
              s -> new Case(new MakeDirectoryRequest(InodeIds.ROOT, bytes("new")), null)),
          Map.entry(
              "MAKE_DIRECTORY_ON_FILE",
              s -> {
                s.plane.makeFile(InodeIds.ROOT, bytes("f"));
                return new Case(
                    new MakeDirectoryRequest(InodeIds.ROOT, bytes("f")),
                    ErrorCode.CANNOT_OVERRIDE_NAME);
              }),
          Map.entry(
              "MAKE_NEW_DIRECTORY",
              s -> new Case(new MakeNewDirectoryRequest(InodeIds.ROOT, bytes("new")), null)),
          Map.entry(
              "MAKE_NEW_DIRECTORY_ON_DIRECTORY",
              s -> {
                mkdir(s, InodeIds.ROOT, "d");
                return new Case(
                    new MakeNewDirectoryRequest(InodeIds.ROOT, bytes("d")),
                    ErrorCode.CANNOT_OVERRIDE_NAME);
              }),
          Map.entry(
              "MAKE_DIRECTORY_IN_REMOVED",
              s -> {
                MakeDirectoryResponse gone = mkdir(s, InodeIds.ROOT, "gone");
                s.call(rmdir(InodeIds.ROOT, gone, "gone"));
                return new Case(
                    new MakeDirectoryRequest(gone.id(), bytes("x")), ErrorCode.DIRECTORY_NOT_FOUND);
              }),
          Map.entry(
              "RENAME_FILE",
              s -> {
                long a = mkdir(s, InodeIds.ROOT, "a").id();
                LookupResponse file = s.plane.makeFile(InodeIds.ROOT, bytes("f"));
                s.plane.makeFile(a, bytes("g"));
                return new Case(renameFile(file, InodeIds.ROOT, "f", a, "g"), null);
              }),
          Map.entry(
              "RENAME_FILE_ON_DIRECTORY",
              s -> {
                long a = mkdir(s, InodeIds.ROOT, "a").id();
                mkdir(s, a, "g");
                LookupResponse file = s.plane.makeFile(InodeIds.ROOT, bytes("f"));
                return new Case(
                    renameFile(file, InodeIds.ROOT, "f", a, "g"), ErrorCode.CANNOT_OVERRIDE_NAME);
              }),
          Map.entry(
              "RENAME_FILE_NO_REPLACE",
              s -> {
                long a = mkdir(s, InodeIds.ROOT, "a").id();
                LookupResponse file = s.plane.makeFile(InodeIds.ROOT, bytes("f"));
                return new Case(renameFileNoReplace(file, InodeIds.ROOT, "f", a, "g"), null);
              }),
          Map.entry(
              "RENAME_FILE_NO_REPLACE_ON_FILE",
              s -> {
                long a = mkdir(s, InodeIds.ROOT, "a").id();
                LookupResponse file = s.plane.makeFile(InodeIds.ROOT, bytes("f"));
                s.plane.makeFile(a, bytes("g"));
                return new Case(
                    renameFileNoReplace(file, InodeIds.ROOT, "f", a, "g"),
                    ErrorCode.CANNOT_OVERRIDE_NAME);
              }),
          Map.entry(
              "RENAME_DIRECTORY",
              s -> {
                MakeDirectoryResponse a = mkdir(s, InodeIds.ROOT, "a");
                MakeDirectoryResponse b = mkdir(s, a.id(), "b");
                mkdir(s, b.id(), "below");
                return new Case(renameDirectory(b, a.id(), "b", InodeIds.ROOT, "c"), null);
              }),
          Map.entry(
              "RENAME_DIRECTORY_ON_FILE",
              s -> {
                MakeDirectoryResponse a = mkdir(s, InodeIds.ROOT, "a");
                MakeDirectoryResponse b = mkdir(s, a.id(), "b");
                s.plane.makeFile(InodeIds.ROOT, bytes("c"));
                return new Case(
                    renameDirectory(b, a.id(), "b", InodeIds.ROOT, "c"),
                    ErrorCode.CANNOT_OVERRIDE_NAME);
              }),
          Map.entry(
              "SOFT_UNLINK_DIRECTORY",
              s -> {
                MakeDirectoryResponse a = mkdir(s, InodeIds.ROOT, "a");
                MakeDirectoryResponse b = mkdir(s, a.id(), "b");
                return new Case(rmdir(a.id(), b, "b"), null);
              }),
          Map.entry(
              "SOFT_UNLINK_FULL_DIRECTORY",
              s -> {
                MakeDirectoryResponse a = mkdir(s, InodeIds.ROOT, "a");
                mkdir(s, a.id(), "b");
                return new Case(rmdir(InodeIds.ROOT, a, "a"), ErrorCode.DIRECTORY_NOT_EMPTY);
              }),
          Map.entry(
              "RESTORE_DIRECTORY",
              s -> {
                MakeDirectoryResponse a = mkdir(s, InodeIds.ROOT, "a");
                MakeDirectoryResponse b = mkdir(s, a.id(), "b");
                s.call(rmdir(a.id(), b, "b"));
                return new Case(
                    new RestoreDirectoryRequest(b.id(), InodeIds.ROOT, bytes("c")), null);
              }),
          Map.entry(
              "RESTORE_DIRECTORY_ON_FILE",
              s -> {
                MakeDirectoryResponse a = mkdir(s, InodeIds.ROOT, "a");
                s.call(rmdir(InodeIds.ROOT, a, "a"));
                s.plane.makeFile(InodeIds.ROOT, bytes("a"));
                return new Case(
                    new RestoreDirectoryRequest(a.id(), InodeIds.ROOT, bytes("a")),
                    ErrorCode.CANNOT_OVERRIDE_NAME);
              }),
          Map.entry(
              "CROSS_SHARD_HARD_UNLINK_FILE",
              s -> new Case(hardUnlink(s, mkdir(s, InodeIds.ROOT, "a").id()), null)),
          Map.entry(
              "CROSS_SHARD_HARD_UNLINK_FILE_IN_REMOVED",
              s -> {
                MakeDirectoryResponse a = mkdir(s, InodeIds.ROOT, "a");
                CrossShardHardUnlinkFileRequest request = hardUnlink(s, a.id());
                s.call(rmdir(InodeIds.ROOT, a, "a"));
                return new Case(request, null);
              }));

  /** To destroy a file of the root's shard that was removed in another directory. */
  private static CrossShardHardUnlinkFileRequest hardUnlink(Simulation simulation, long directory)
      throws EggsException {
    LookupResponse file = simulation.plane.makeFile(InodeIds.ROOT, bytes("f"));
    RenameFileResponse moved =
        (RenameFileResponse) simulation.call(renameFile(file, InodeIds.ROOT, "f", directory, "f"));
    simulation.plane.client(
        directory,
        new SoftUnlinkFileRequest(directory, file.targetId(), bytes("f"), moved.creationTime()));
    return new CrossShardHardUnlinkFileRequest(
        directory, file.targetId(), bytes("f"), moved.creationTime());
  }

  static Set<String> scenarios() {
    return SCENARIOS.keySet();
  }

  /** What the others do when the CDC has crashed. */
  private interface Aftermath {
    void happen(Simulation simulation, Case prepared, Simulation.Client client, String when)
        throws EggsException;
  }

  private static void crashEverywhere(String scenario, Aftermath aftermath) throws EggsException {
    for (int seed = 0; seed < SEEDS; seed++) {
      List<Integer> crashed = new ArrayList<>();
      for (int events = 0; events < EVENTS_MAX; events++) {
        Simulation simulation = new Simulation(seed);
        Case prepared = SCENARIOS.get(scenario).prepare(simulation);
        Simulation.Client client = simulation.send(prepared.request);
        int done = 0;
        while (done < events && simulation.step()) {
          done++;
        }
        if (done < events) {
          break;
        }
        crashed.add(events);
        simulation.crash();
        aftermath.happen(
            simulation, prepared, client, scenario + " seed " + seed + " after " + events);
        simulation.settle();
        simulation.check();
      }
      assertTrue(crashed.size() > 3 && crashed.size() < EVENTS_MAX, crashed::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void aCrashAtAnyPointChangesNothing(String scenario) throws EggsException {
    crashEverywhere(
        scenario,
        (simulation, prepared, client, when) -> {
          simulation.settle();
          assertEquals(prepared.expected, client.error, when);
          simulation.resend(client);
          assertEquals(prepared.expected, client.error, when);
        });
  }

  /** Then nobody asks again for what the crash has forgotten. */
  @ParameterizedTest
  @MethodSource("scenarios")
  void aCrashLeavesNothingBehindWhenTheClientGivesUp(String scenario) throws EggsException {
    crashEverywhere(scenario, (simulation, prepared, client, when) -> simulation.forget(client));
  }

  /** Whatever is visible and not locked may be moved away by others before the CDC is back. */
  @ParameterizedTest
  @MethodSource("scenarios")
  void aCrashIsSafeWhenOthersMoveTheNamesMeanwhile(String scenario) throws EggsException {
    crashEverywhere(
        scenario,
        (simulation, prepared, client, when) -> {
          moveAway(simulation, prepared.request);
          simulation.settle();
        });
  }

  private static void moveAway(Simulation simulation, CdcRequest request) {
    switch (request) {
      case MakeDirectoryRequest r -> moveAway(simulation, r.ownerId(), r.name());
      case MakeNewDirectoryRequest r -> moveAway(simulation, r.ownerId(), r.name());
      case RenameFileRequest r -> {
        moveAway(simulation, r.oldOwnerId(), r.oldName());
        moveAway(simulation, r.newOwnerId(), r.newName());
      }
      case RenameFileNoReplaceRequest r -> {
        moveAway(simulation, r.oldOwnerId(), r.oldName());
        moveAway(simulation, r.newOwnerId(), r.newName());
      }
      case RenameDirectoryRequest r -> {
        moveAway(simulation, r.oldOwnerId(), r.oldName());
        moveAway(simulation, r.newOwnerId(), r.newName());
      }
      case SoftUnlinkDirectoryRequest r -> moveAway(simulation, r.ownerId(), r.name());
      case RestoreDirectoryRequest r -> moveAway(simulation, r.ownerId(), r.name());
      case CrossShardHardUnlinkFileRequest r -> bringBack(simulation, r);
      default -> {
        // Works on what nobody moves.
      }
    }
  }

  /** A user brings the file back, and a collector removes what is left of the edge. */
  private static void bringBack(Simulation simulation, CrossShardHardUnlinkFileRequest request) {
    long directory = request.ownerId();
    try {
      simulation.plane.client(
          directory,
          new SameDirectoryRenameSnapshotRequest(
              request.targetId(),
              directory,
              request.name(),
              request.creationTime(),
              bytes("back")));
      simulation.plane.client(
          directory,
          new RemoveNonOwnedEdgeRequest(
              directory, request.targetId(), request.name(), request.creationTime()));
    } catch (EggsException e) {
      assertTrue(
          Set.of(ErrorCode.EDGE_NOT_FOUND, ErrorCode.DIRECTORY_NOT_FOUND).contains(e.code()),
          e::toString);
    }
  }

  private static void moveAway(Simulation simulation, long directory, byte[] name) {
    try {
      LookupResponse found = simulation.plane.lookup(directory, name);
      simulation.plane.client(
          directory,
          new SameDirectoryRenameRequest(
              found.targetId(), directory, name, found.creationTime(), bytes("away")));
    } catch (EggsException e) {
      assertTrue(
          Set.of(
                  ErrorCode.NAME_NOT_FOUND,
                  ErrorCode.DIRECTORY_NOT_FOUND,
                  ErrorCode.EDGE_IS_LOCKED,
                  ErrorCode.CANNOT_OVERRIDE_NAME)
              .contains(e.code()),
          e::toString);
    }
  }
}
