package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.assertFails;
import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.eggsfs.cdc.state.CdcFixture.mkdir;
import static org.eggsfs.cdc.state.CdcFixture.renameDirectory;
import static org.eggsfs.cdc.state.CdcFixture.renameFile;
import static org.eggsfs.cdc.state.CdcFixture.rmdir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.MakeNewDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RenameFileResponse;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeRequest;
import org.eggsfs.protocol.shard.LockCurrentEdgeRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.RemoveInodeRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SetDirectoryInfoRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.protocol.struct.DirectoryInfo;
import org.eggsfs.protocol.struct.DirectoryInfoEntry;
import org.eggsfs.protocol.struct.StripePolicy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: every row of cdc.md section 12 ends well. Method: each crash or corruption of the original
 * is provoked among real shards; afterwards the shards must agree with each other.
 */
class KnownDefectsTest {
  private static final long ROOT = InodeIds.ROOT;
  private static final long FILE = InodeIds.of(InodeIds.FILE, 5, 7);
  private static final long DIRECTORY = InodeIds.of(InodeIds.DIRECTORY, 5, 7);
  private static final byte[] NAME = bytes("n");

  private final Simulation simulation = new Simulation(1);
  private final ShardPlane plane = simulation.plane;

  @Test
  void nullIdsAreRefusedOnArrival() {
    for (CdcRequest request :
        List.of(
            new MakeDirectoryRequest(0, NAME),
            new MakeNewDirectoryRequest(0, NAME),
            new RenameFileRequest(0, ROOT, NAME, 1, DIRECTORY, NAME),
            new RenameFileRequest(FILE, 0, NAME, 1, DIRECTORY, NAME),
            new RenameFileRequest(FILE, ROOT, NAME, 1, 0, NAME),
            new RenameFileNoReplaceRequest(FILE, ROOT, NAME, 1, 0, NAME),
            new RenameDirectoryRequest(0, ROOT, NAME, 1, DIRECTORY, NAME),
            new RenameDirectoryRequest(DIRECTORY, 0, NAME, 1, ROOT, NAME),
            new RenameDirectoryRequest(DIRECTORY, ROOT, NAME, 1, 0, NAME),
            new SoftUnlinkDirectoryRequest(0, DIRECTORY, 1, NAME),
            new SoftUnlinkDirectoryRequest(ROOT, 0, 1, NAME),
            new HardUnlinkDirectoryRequest(0),
            new RestoreDirectoryRequest(0, ROOT, NAME),
            new RestoreDirectoryRequest(DIRECTORY, 0, NAME),
            new CrossShardHardUnlinkFileRequest(0, FILE, NAME, 1),
            new CrossShardHardUnlinkFileRequest(ROOT, 0, NAME, 1))) {
      assertFails(ErrorCode.MALFORMED_REQUEST, simulation, request);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "a/b", "a\0b"})
  void badNamesAreRefusedOnArrival(String bad) throws EggsException {
    long a = mkdir(simulation, ROOT, "a").id();
    assertFails(ErrorCode.BAD_NAME, simulation, new MakeDirectoryRequest(ROOT, bytes(bad)));
    assertFails(ErrorCode.BAD_NAME, simulation, new MakeNewDirectoryRequest(ROOT, bytes(bad)));
    assertFails(
        ErrorCode.BAD_NAME, simulation, new RenameFileRequest(FILE, ROOT, NAME, 1, a, bytes(bad)));
    assertFails(
        ErrorCode.BAD_NAME,
        simulation,
        new RenameDirectoryRequest(DIRECTORY, ROOT, NAME, 1, a, bytes(bad)));
    simulation.check();
  }

  @Test
  void ownersThatAreNoDirectoriesAreRefusedOnArrival() {
    for (CdcRequest request :
        List.of(
            new MakeDirectoryRequest(FILE, NAME),
            new MakeNewDirectoryRequest(FILE, NAME),
            new RenameFileRequest(FILE, FILE, NAME, 1, ROOT, NAME),
            new RenameFileRequest(FILE, ROOT, NAME, 1, FILE, NAME),
            new RenameFileRequest(DIRECTORY, ROOT, NAME, 1, DIRECTORY, NAME),
            new RenameFileNoReplaceRequest(DIRECTORY, ROOT, NAME, 1, DIRECTORY, NAME),
            new RenameDirectoryRequest(FILE, ROOT, NAME, 1, DIRECTORY, NAME),
            new SoftUnlinkDirectoryRequest(ROOT, FILE, 1, NAME),
            new HardUnlinkDirectoryRequest(FILE),
            new CrossShardHardUnlinkFileRequest(FILE, FILE, NAME, 1))) {
      assertFails(ErrorCode.TYPE_IS_NOT_DIRECTORY, simulation, request);
    }
    assertFails(
        ErrorCode.CANNOT_REMOVE_ROOT_DIRECTORY, simulation, new HardUnlinkDirectoryRequest(ROOT));
    assertFails(
        ErrorCode.SAME_DIRECTORIES,
        simulation,
        new RenameFileRequest(FILE, ROOT, NAME, 1, ROOT, bytes("m")));
    assertFails(
        ErrorCode.SAME_SHARD,
        simulation,
        new CrossShardHardUnlinkFileRequest(
            ROOT, InodeIds.of(InodeIds.FILE, 5, InodeIds.shard(ROOT)), NAME, 1));
    assertFails(
        ErrorCode.TYPE_IS_DIRECTORY,
        simulation,
        new CrossShardHardUnlinkFileRequest(ROOT, DIRECTORY, NAME, 1));
  }

  @Test
  void aFileOntoADirectorysNameIsRolledBack() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    mkdir(simulation, a.id(), "taken");
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    assertFails(
        ErrorCode.CANNOT_OVERRIDE_NAME, simulation, renameFile(file, ROOT, "f", a.id(), "taken"));
    assertFails(
        ErrorCode.NEW_DIRECTORY_NOT_FOUND,
        simulation,
        renameFile(file, ROOT, "f", InodeIds.of(InodeIds.DIRECTORY, 999, 3), "x"));
    assertEquals(file, plane.lookup(ROOT, bytes("f")));
    simulation.check();
    // The edge is as free as before.
    plane.client(
        ROOT, new SoftUnlinkFileRequest(ROOT, file.targetId(), bytes("f"), file.creationTime()));
  }

  @Test
  void nothingMovesIntoARemovedDirectory() throws EggsException {
    MakeDirectoryResponse removed = mkdir(simulation, ROOT, "removed");
    MakeDirectoryResponse moving = mkdir(simulation, ROOT, "moving");
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    simulation.call(rmdir(ROOT, removed, "removed"));
    assertFails(
        ErrorCode.NEW_DIRECTORY_NOT_FOUND,
        simulation,
        renameFile(file, ROOT, "f", removed.id(), "f"));
    assertFails(
        ErrorCode.NEW_DIRECTORY_NOT_FOUND,
        simulation,
        renameDirectory(moving, ROOT, "moving", removed.id(), "x"));
    assertFails(
        ErrorCode.NEW_DIRECTORY_NOT_FOUND,
        simulation,
        renameDirectory(moving, ROOT, "moving", InodeIds.of(InodeIds.DIRECTORY, 77, 3), "x"));
    assertFails(
        ErrorCode.DIRECTORY_NOT_FOUND,
        simulation,
        new MakeDirectoryRequest(removed.id(), bytes("x")));
    EggsException e = assertThrows(EggsException.class, () -> plane.stat(moving.id() + 1));
    assertEquals(ErrorCode.DIRECTORY_NOT_FOUND, e.code(), "no inode was made for it");
    simulation.check();
  }

  @Test
  void aDirectoryOntoAnExistingNameLeavesNoLock() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    MakeDirectoryResponse b = mkdir(simulation, ROOT, "b");
    mkdir(simulation, b.id(), "empty");
    assertFails(
        ErrorCode.CANNOT_OVERRIDE_NAME, simulation, renameDirectory(a, ROOT, "a", b.id(), "empty"));
    simulation.check();
    plane.client(
        ROOT,
        new SameDirectoryRenameRequest(a.id(), ROOT, bytes("a"), a.creationTime(), bytes("a2")));
    simulation.check();
  }

  @Test
  void aFileOntoALockedNameIsRolledBack() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    LookupResponse locked = plane.makeFile(a.id(), bytes("leaked"));
    plane.privileged(
        a.id(),
        new LockCurrentEdgeRequest(
            a.id(), locked.targetId(), locked.creationTime(), bytes("leaked")));
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    assertFails(
        ErrorCode.MISMATCHING_TARGET, simulation, renameFile(file, ROOT, "f", a.id(), "leaked"));
    plane.privileged(
        a.id(),
        new UnlockCurrentEdgeRequest(
            a.id(), bytes("leaked"), locked.creationTime(), locked.targetId(), false));
    simulation.check();
  }

  /** The unlock is executed, its answer lost, and a client uses the name before it is repeated. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anUnlockRepeatedAfterAClientUsedTheEdgeIsSuccess(boolean directory) throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    Stepper stepper = new Stepper(plane);
    stepper.load(simulation);
    ClientRequest request =
        Stepper.request(
            directory
                ? new MakeDirectoryRequest(ROOT, bytes("d"))
                : renameFile(file, ROOT, "f", a.id(), "g"));
    stepper.apply(request);
    Output.ToShard unlock = null;
    while (unlock == null) {
      for (Output.ToShard output : stepper.takeRequests()) {
        if (output.request() instanceof UnlockCurrentEdgeRequest r && !r.wasMoved()) {
          unlock = output;
          stepper.execute(output);
        } else {
          stepper.answer(output);
        }
      }
    }
    if (directory) {
      LookupResponse made = plane.lookup(ROOT, bytes("d"));
      plane.client(
          ROOT,
          new SameDirectoryRenameRequest(
              made.targetId(), ROOT, bytes("d"), made.creationTime(), bytes("d2")));
    } else {
      LookupResponse moved = plane.lookup(a.id(), bytes("g"));
      plane.client(
          a.id(),
          new SoftUnlinkFileRequest(a.id(), moved.targetId(), bytes("g"), moved.creationTime()));
    }
    stepper.answer(unlock);
    stepper.finish();
    assertEquals(null, stepper.lastAnswer.error());
    assertEquals(List.of(), plane.check());
  }

  @Test
  void aRollbackWhoseDirectoryWasCollectedIsDone() throws EggsException {
    Stepper stepper = new Stepper(plane);
    stepper.apply(Stepper.request(new MakeDirectoryRequest(ROOT, bytes("d"))));
    Output.ToShard rollback = null;
    while (rollback == null) {
      for (Output.ToShard output : stepper.takeRequests()) {
        if (output.request() instanceof CreateLockedCurrentEdgeRequest) {
          // A file takes the name first.
          plane.makeFile(ROOT, bytes("d"));
        }
        if (output.request() instanceof org.eggsfs.protocol.shard.RemoveDirectoryOwnerRequest r) {
          rollback = output;
          stepper.execute(output);
          plane.privileged(r.dirId(), new RemoveInodeRequest(r.dirId()));
        } else {
          stepper.answer(output);
        }
      }
    }
    stepper.answer(rollback);
    stepper.finish();
    assertEquals(ErrorCode.CANNOT_OVERRIDE_NAME, stepper.lastAnswer.error());
    assertEquals(List.of(), plane.check());
  }

  /** The shard compares the old creation time in every case (W10). */
  @Test
  void aDelayedCreateLockedAfterTheUnlockIsRefused() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    simulation.call(renameFile(file, ROOT, "f", a.id(), "g"));
    EggsException e =
        assertThrows(
            EggsException.class,
            () ->
                plane.privileged(
                    a.id(),
                    new CreateLockedCurrentEdgeRequest(a.id(), bytes("g"), file.targetId(), 0)));
    assertEquals(ErrorCode.MISMATCHING_CREATION_TIME, e.code());
    simulation.check();
  }

  @Test
  void aRenameOfAnotherTargetPointsNoEdgeElsewhere() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    LookupResponse other = plane.makeFile(ROOT, bytes("g"));
    assertFails(
        ErrorCode.MISMATCHING_CREATION_TIME,
        simulation,
        new RenameFileRequest(
            other.targetId(), ROOT, bytes("f"), file.creationTime(), a.id(), bytes("x")));
    assertFails(
        ErrorCode.MISMATCHING_CREATION_TIME,
        simulation,
        new SoftUnlinkDirectoryRequest(ROOT, DIRECTORY, a.creationTime(), bytes("a")));
    assertEquals(file, plane.lookup(ROOT, bytes("f")));
    simulation.check();
  }

  /** Two changes in one instant: the shard asks for patience and gets it. */
  @Test
  void aShardWhoseClockStandsStillIsAskedAgain() throws EggsException {
    simulation.refusal = 0.5;
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    MakeDirectoryResponse b = mkdir(simulation, a.id(), "b");
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    RenameFileResponse moved =
        (RenameFileResponse) simulation.call(renameFile(file, ROOT, "f", b.id(), "g"));
    assertEquals(plane.lookup(b.id(), bytes("g")).creationTime(), moved.creationTime());
    simulation.call(renameDirectory(b, a.id(), "b", ROOT, "b"));
    simulation.call(rmdir(ROOT, a, "a"));
    simulation.call(new HardUnlinkDirectoryRequest(collected(a)));
    simulation.check();
  }

  /** What the collector does before: remove the edges of a removed directory. */
  private long collected(MakeDirectoryResponse directory) throws EggsException {
    var request =
        new org.eggsfs.protocol.shard.FullReadDirRequest(directory.id(), 0, new byte[0], 0, 0, 0);
    var listing =
        (org.eggsfs.protocol.shard.FullReadDirResponse) plane.client(directory.id(), request);
    for (var edge : listing.results()) {
      plane.client(
          directory.id(),
          new org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest(
              directory.id(),
              InodeIds.withoutExtra(edge.targetId()),
              edge.name(),
              edge.creationTime()));
    }
    return directory.id();
  }

  @Test
  void aDirectoryWithManyPoliciesCanBeRemoved() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    List<DirectoryInfoEntry> entries = new ArrayList<>();
    for (int tag : new int[] {200, 201, 202}) {
      entries.add(new DirectoryInfoEntry(tag, new byte[255]));
    }
    plane.client(a.id(), new SetDirectoryInfoRequest(a.id(), new DirectoryInfo(entries)));
    MakeDirectoryResponse b = mkdir(simulation, a.id(), "b");
    simulation.call(rmdir(a.id(), b, "b"));
    simulation.call(rmdir(ROOT, a, "a"));
    simulation.check();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 40})
  void aRemovedDirectoryKeepsThePoliciesOfItsNearestAncestors(int depth) throws EggsException {
    Map<Integer, DirectoryInfoEntry> expected = new HashMap<>();
    plane.stat(ROOT).info().entries().forEach(entry -> expected.put(entry.tag(), entry));
    long at = ROOT;
    for (int i = 0; i < depth; i++) {
      at = mkdir(simulation, at, "d" + i).id();
      if (i == depth / 2) {
        DirectoryInfoEntry stripe = stripe(8192);
        expected.put(DirectoryInfoTag.STRIPE, stripe);
        plane.client(at, new SetDirectoryInfoRequest(at, new DirectoryInfo(List.of(stripe))));
      }
    }
    MakeDirectoryResponse leaf = mkdir(simulation, at, "leaf");
    DirectoryInfoEntry own = expected.get(DirectoryInfoTag.SNAPSHOT);
    byte[] body = own.body().clone();
    body[0] ^= 1;
    expected.put(own.tag(), new DirectoryInfoEntry(own.tag(), body));
    plane.client(
        leaf.id(),
        new SetDirectoryInfoRequest(
            leaf.id(), new DirectoryInfo(List.of(expected.get(own.tag())))));
    simulation.call(rmdir(at, leaf, "leaf"));
    Map<Integer, DirectoryInfoEntry> frozen = new HashMap<>();
    plane.stat(leaf.id()).info().entries().forEach(entry -> frozen.put(entry.tag(), entry));
    assertEquals(expected, frozen);
    assertEquals(InodeIds.NULL, plane.stat(leaf.id()).owner());
    simulation.check();
  }

  private static DirectoryInfoEntry stripe(long size) {
    StripePolicy policy = new StripePolicy(size);
    ByteBuffer out = Frames.buffer(policy.encodedSize());
    policy.encode(out);
    return new DirectoryInfoEntry(DirectoryInfoTag.STRIPE, out.array());
  }

  /** A collector that is late must not destroy a file that was brought back. */
  @Test
  void aFileThatWasBroughtBackIsNotDestroyed() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    RenameFileResponse moved =
        (RenameFileResponse) simulation.call(renameFile(file, ROOT, "f", a.id(), "f"));
    plane.client(
        a.id(),
        new SoftUnlinkFileRequest(a.id(), file.targetId(), bytes("f"), moved.creationTime()));
    CrossShardHardUnlinkFileRequest late =
        new CrossShardHardUnlinkFileRequest(
            a.id(), file.targetId(), bytes("f"), moved.creationTime());
    assertFails(
        ErrorCode.MISMATCHING_TARGET,
        simulation,
        new CrossShardHardUnlinkFileRequest(
            a.id(), InodeIds.of(InodeIds.FILE, 999, 0), bytes("f"), moved.creationTime()));
    plane.client(
        a.id(),
        new SameDirectoryRenameSnapshotRequest(
            file.targetId(), a.id(), bytes("f"), moved.creationTime(), bytes("back")));
    assertFails(ErrorCode.EDGE_NOT_OWNED, simulation, late);
    assertEquals(file.targetId(), plane.lookup(a.id(), bytes("back")).targetId());
    simulation.check();
  }

  @Test
  void aDeletedFileIsDestroyedOnce() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    RenameFileResponse moved =
        (RenameFileResponse) simulation.call(renameFile(file, ROOT, "f", a.id(), "f"));
    plane.client(
        a.id(),
        new SoftUnlinkFileRequest(a.id(), file.targetId(), bytes("f"), moved.creationTime()));
    CrossShardHardUnlinkFileRequest destroy =
        new CrossShardHardUnlinkFileRequest(
            a.id(), file.targetId(), bytes("f"), moved.creationTime());
    simulation.call(destroy);
    plane.client(
        file.targetId(), new org.eggsfs.protocol.shard.StatTransientFileRequest(file.targetId()));
    simulation.call(destroy);
    simulation.check();
  }

  @Test
  void aLoopIsRefused() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    MakeDirectoryResponse b = mkdir(simulation, a.id(), "b");
    MakeDirectoryResponse c = mkdir(simulation, b.id(), "c");
    for (long into : new long[] {a.id(), b.id(), c.id()}) {
      assertFails(
          ErrorCode.LOOP_IN_DIRECTORY_RENAME, simulation, renameDirectory(a, ROOT, "a", into, "x"));
    }
    assertFails(
        ErrorCode.LOOP_IN_DIRECTORY_RENAME,
        simulation,
        new RenameDirectoryRequest(ROOT, a.id(), bytes("r"), 1, b.id(), bytes("x")));
    simulation.check();
  }

  @Test
  void aFullDirectoryIsNotRemoved() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    plane.makeFile(a.id(), bytes("f"));
    assertFails(ErrorCode.DIRECTORY_NOT_EMPTY, simulation, rmdir(ROOT, a, "a"));
    assertFails(ErrorCode.DIRECTORY_HAS_OWNER, simulation, new HardUnlinkDirectoryRequest(a.id()));
    assertFails(ErrorCode.EDGE_NOT_FOUND, simulation, rmdir(ROOT, a, "b"));
    simulation.check();
  }

  @Test
  void makingADirectoryTwiceGivesTheSame() throws EggsException {
    MakeDirectoryResponse a = mkdir(simulation, ROOT, "a");
    assertEquals(a, mkdir(simulation, ROOT, "a"));
    plane.makeFile(ROOT, bytes("f"));
    assertFails(
        ErrorCode.CANNOT_OVERRIDE_NAME, simulation, new MakeDirectoryRequest(ROOT, bytes("f")));
    simulation.check();
    assertTrue(simulation.alerts.isEmpty(), simulation.alerts::toString);
  }
}
