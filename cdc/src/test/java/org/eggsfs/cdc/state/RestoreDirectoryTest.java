package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.assertFails;
import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.eggsfs.cdc.state.CdcFixture.mkdir;
import static org.eggsfs.cdc.state.CdcFixture.renameDirectory;
import static org.eggsfs.cdc.state.CdcFixture.rmdir;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.cdc.RestoreDirectoryResponse;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.junit.jupiter.api.Test;

/**
 * Goal: a removed directory comes back with what its shard can then restore in it, and nothing else
 * can be restored. Method: real shards, checked after each test. Crashes and bad networks are in
 * {@link RestartTest} and {@link RandomTransactionsTest}.
 */
class RestoreDirectoryTest {
  private static final long ROOT = InodeIds.ROOT;

  private final Simulation simulation = new Simulation(1);
  private final ShardPlane plane = simulation.plane;

  private MakeDirectoryResponse removed(long owner, String name) throws EggsException {
    MakeDirectoryResponse directory = mkdir(simulation, owner, name);
    simulation.call(rmdir(owner, directory, name));
    return directory;
  }

  @Test
  void theDirectoryAndItsFilesComeBack() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    LookupResponse file = plane.makeFile(a.id(), bytes("f"));
    plane.client(
        a.id(),
        new SoftUnlinkFileRequest(a.id(), file.targetId(), bytes("f"), file.creationTime()));
    simulation.call(rmdir(ROOT, a, "a"));

    MakeDirectoryResponse other = mkdir(simulation, ROOT, "other");
    RestoreDirectoryRequest request = new RestoreDirectoryRequest(a.id(), other.id(), bytes("b"));
    RestoreDirectoryResponse restored = (RestoreDirectoryResponse) simulation.call(request);
    assertEquals(
        new LookupResponse(a.id(), restored.creationTime()), plane.lookup(other.id(), bytes("b")));
    assertEquals(other.id(), plane.stat(a.id()).owner());
    plane.client(
        a.id(),
        new SameDirectoryRenameSnapshotRequest(
            file.targetId(), a.id(), bytes("f"), file.creationTime(), bytes("f")));
    assertEquals(file.targetId(), plane.lookup(a.id(), bytes("f")).targetId());
    // Asked again, as a client does whose answer was lost.
    assertEquals(restored, simulation.call(request));
    simulation.check();
    // It is a directory like any other: it moves, and a loop through it is seen.
    simulation.call(
        renameDirectory(
            new MakeDirectoryResponse(a.id(), restored.creationTime()),
            other.id(),
            "b",
            ROOT,
            "c"));
    assertFails(
        ErrorCode.LOOP_IN_DIRECTORY_RENAME,
        simulation,
        renameDirectory(
            new MakeDirectoryResponse(a.id(), plane.lookup(ROOT, bytes("c")).creationTime()),
            ROOT,
            "c",
            mkdir(simulation, a.id(), "below").id(),
            "d"));
    simulation.check();
  }

  @Test
  void whatLivesIsNotRestored() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    assertFails(
        ErrorCode.DIRECTORY_HAS_OWNER,
        simulation,
        new RestoreDirectoryRequest(a.id(), ROOT, bytes("b")));
    assertFails(
        ErrorCode.LOOP_IN_DIRECTORY_RENAME,
        simulation,
        new RestoreDirectoryRequest(ROOT, a.id(), bytes("b")));
    assertFails(
        ErrorCode.LOOP_IN_DIRECTORY_RENAME,
        simulation,
        new RestoreDirectoryRequest(a.id(), a.id(), bytes("b")));
    simulation.check();
  }

  @Test
  void aNameInUseIsKept() throws EggsException {
    MakeDirectoryResponse a = removed(ROOT, "a");
    mkdir(simulation, ROOT, "taken");
    plane.makeFile(ROOT, bytes("file"));
    for (String name : new String[] {"taken", "file"}) {
      assertFails(
          ErrorCode.CANNOT_OVERRIDE_NAME,
          simulation,
          new RestoreDirectoryRequest(a.id(), ROOT, bytes(name)));
    }
    assertFails(
        ErrorCode.BAD_NAME, simulation, new RestoreDirectoryRequest(a.id(), ROOT, bytes("..")));
    simulation.check();
  }

  @Test
  void neitherIntoRemovedNorOfCollectedDirectories() throws EggsException {
    MakeDirectoryResponse a = removed(ROOT, "a");
    MakeDirectoryResponse b = removed(ROOT, "b");
    assertFails(
        ErrorCode.DIRECTORY_NOT_FOUND,
        simulation,
        new RestoreDirectoryRequest(a.id(), b.id(), bytes("a")));
    simulation.call(new HardUnlinkDirectoryRequest(a.id()));
    assertFails(
        ErrorCode.DIRECTORY_NOT_FOUND,
        simulation,
        new RestoreDirectoryRequest(a.id(), ROOT, bytes("a")));
    simulation.check();
  }
}
