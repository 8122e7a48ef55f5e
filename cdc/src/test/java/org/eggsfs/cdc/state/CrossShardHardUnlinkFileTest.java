package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.shard.CondemnEdgeRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.RemoveOwnedSnapshotFileEdgeRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatTransientFileRequest;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Goal: a file that somebody brings back while it is being destroyed has either its name and its
 * bytes, or neither. Method: real shards, step by step; between any two steps the file is brought
 * back and a collector removes what is left of its edge.
 */
class CrossShardHardUnlinkFileTest {
  private static final long ROOT = InodeIds.ROOT;
  private static final byte[] NAME = bytes("g");

  private final ShardPlane plane = new ShardPlane();
  private final Stepper stepper = new Stepper(plane);
  private long directory;
  private long file;
  private long creationTime;

  /** A file of shard 0 that was moved to a directory of shard 1, and removed there. */
  @BeforeEach
  void aRemovedFile() throws EggsException {
    stepper.apply(Stepper.request(new MakeDirectoryRequest(ROOT, bytes("d"))));
    stepper.finish();
    directory = ((MakeDirectoryResponse) stepper.lastAnswer.response()).id();
    removeAFile();
  }

  private void removeAFile() throws EggsException {
    LookupResponse made = plane.makeFile(ROOT, bytes("f"));
    file = made.targetId();
    stepper.apply(
        Stepper.request(
            new RenameFileRequest(file, ROOT, bytes("f"), made.creationTime(), directory, NAME)));
    stepper.finish();
    creationTime = plane.lookup(directory, NAME).creationTime();
    plane.client(directory, new SoftUnlinkFileRequest(directory, file, NAME, creationTime));
  }

  private CrossShardHardUnlinkFileRequest destroy() {
    return new CrossShardHardUnlinkFileRequest(directory, file, NAME, creationTime);
  }

  private void bringBack() throws EggsException {
    plane.client(
        directory,
        new SameDirectoryRenameSnapshotRequest(file, directory, NAME, creationTime, bytes("back")));
  }

  private void collectWhatIsLeft() throws EggsException {
    plane.client(directory, new RemoveNonOwnedEdgeRequest(directory, file, NAME, creationTime));
  }

  private void assertAlive() throws EggsException {
    assertEquals(file, plane.lookup(directory, bytes("back")).targetId());
    plane.client(file, new StatFileRequest(file));
    assertEquals(List.of(), plane.check());
  }

  private void assertDestroyed() throws EggsException {
    plane.client(file, new StatTransientFileRequest(file));
    assertEquals(List.of(), plane.check());
  }

  /** Answers until nothing runs. Returns what was asked. */
  private List<String> finish() {
    List<String> asked = new ArrayList<>();
    while (stepper.state.transactionCount() > 0) {
      for (Output.ToShard output : stepper.takeRequests()) {
        asked.add(ShardKind.name(output.request().kind()));
        stepper.answer(output);
      }
    }
    return asked;
  }

  @Test
  void theEdgeStaysUntilTheFileIsGivenUp() throws EggsException {
    stepper.apply(Stepper.request(destroy()));
    assertEquals(
        List.of("CONDEMN_EDGE", "MAKE_FILE_TRANSIENT", "REMOVE_OWNED_SNAPSHOT_FILE_EDGE"),
        finish());
    assertEquals(null, stepper.lastAnswer.error());
    assertDestroyed();
    assertEquals(List.of(), stepper.alerts);
  }

  /** The request is under way for long; what is left of the edge is gone when it arrives. */
  @Test
  void aMissingEdgeIsNotTakenForOurWork() throws EggsException {
    stepper.apply(Stepper.request(destroy()));
    bringBack();
    collectWhatIsLeft();
    finish();
    assertEquals(null, stepper.lastAnswer.error());
    assertAlive();
  }

  /** Before any step, with and without a crash of the CDC; the step before was answered or not. */
  @Test
  void aFileThatIsBroughtBackLivesWhole() throws EggsException {
    int saved = 0;
    int lost = 0;
    for (int steps = 0; steps <= 3; steps++) {
      for (int variant = 0; variant < 8; variant++) {
        stepper.apply(Stepper.request(destroy()));
        for (int i = 0; i < steps - 1; i++) {
          stepper.takeRequests().forEach(stepper::answer);
        }
        if (steps > 0) {
          Output.ToShard last = stepper.takeRequests().getFirst();
          if ((variant & 1) == 0) {
            stepper.answer(last);
          } else {
            stepper.execute(last);
            stepper.restart();
          }
        }
        boolean back = true;
        try {
          bringBack();
        } catch (EggsException e) {
          assertEquals(ErrorCode.EDGE_NOT_FOUND, e.code());
          back = false;
        }
        if (back && (variant & 2) == 0) {
          collectWhatIsLeft();
        }
        if ((variant & 4) == 0) {
          stepper.restart();
        }
        finish();
        if (back) {
          saved++;
          assertAlive();
          LookupResponse alive = plane.lookup(directory, bytes("back"));
          plane.client(
              directory,
              new SoftUnlinkFileRequest(directory, file, bytes("back"), alive.creationTime()));
        } else {
          lost++;
          assertDestroyed();
        }
        removeAFile();
      }
    }
    assertEquals(8, saved, "before the edge was condemned");
    assertEquals(24, lost);
  }

  /** A crash forgets how far it was, after all is done. */
  @Test
  void everyStepMayBeRepeatedFromTheFirst() throws EggsException {
    stepper.apply(Stepper.request(destroy()));
    long transaction = stepper.state.unfinished().getFirst().id();
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < i; j++) {
        stepper.takeRequests().forEach(stepper::answer);
      }
      stepper.execute(stepper.takeRequests().getFirst());
      stepper.storeRow(transaction, 1, 0);
      stepper.restart();
    }
    finish();
    assertDestroyed();
  }

  private static EggsException silence() {
    return new EggsException(ErrorCode.TIMEOUT);
  }

  /** Answers as TernFS's shards do. Returns what was asked. */
  private List<String> finishWithoutCondemn() {
    List<String> asked = new ArrayList<>();
    while (stepper.state.transactionCount() > 0) {
      for (Output.ToShard output : stepper.takeRequests()) {
        asked.add(ShardKind.name(output.request().kind()));
        if (ShardRequests.mayBeUnknown(output.request())) {
          stepper.answer(output, null, silence());
        } else {
          stepper.answer(output);
        }
      }
    }
    return asked;
  }

  private static final List<String> FORMER_STEPS =
      List.of(
          "FULL_READ_DIR",
          "REMOVE_OWNED_SNAPSHOT_FILE_EDGE",
          "FULL_READ_DIR",
          "MAKE_FILE_TRANSIENT",
          "REMOVE_OWNED_SNAPSHOT_FILE_EDGE");

  /**
   * It is silent to the one request and answers the other, twice, and is remembered for a while.
   */
  @Test
  void aShardThatDoesNotKnowCondemnedEdgesIsAskedAsBefore() throws EggsException {
    stepper.apply(Stepper.request(destroy()));
    List<String> expected =
        new ArrayList<>(
            List.of("CONDEMN_EDGE", "LOCK_CURRENT_EDGE", "CONDEMN_EDGE", "LOCK_CURRENT_EDGE"));
    expected.addAll(FORMER_STEPS);
    assertEquals(expected, finishWithoutCondemn());
    assertEquals(null, stepper.lastAnswer.error());
    assertDestroyed();
    assertEquals(1, stepper.alerts.size());

    removeAFile();
    stepper.restart();
    stepper.apply(Stepper.request(destroy()));
    assertEquals(FORMER_STEPS, finishWithoutCondemn());
    assertDestroyed();
    assertEquals(1, stepper.alerts.size());

    removeAFile();
    plane.now += 601_000_000_000L;
    stepper.apply(Stepper.request(destroy()));
    assertEquals("CONDEMN_EDGE", finish().getFirst());
    assertDestroyed();
  }

  /**
   * One silence, also over a restart, is no verdict; and the answer to the question does no harm.
   */
  @Test
  void aShardThatWasSilentOnceIsAskedAgain() throws EggsException {
    stepper.apply(Stepper.request(destroy()));
    Output.ToShard lost = stepper.takeRequests().getFirst();
    stepper.execute(lost);
    stepper.answer(lost, null, silence());
    stepper.restart();
    assertEquals(
        List.of(
            "LOCK_CURRENT_EDGE",
            "CONDEMN_EDGE",
            "MAKE_FILE_TRANSIENT",
            "REMOVE_OWNED_SNAPSHOT_FILE_EDGE"),
        finish());
    assertDestroyed();
    assertEquals(List.of(), stepper.alerts);
  }

  /** The edge is condemned by a request whose answer is lost; the former steps remove it, too. */
  @Test
  void theFormerStepsRemoveACondemnedEdge() throws EggsException {
    stepper.apply(Stepper.request(destroy()));
    stepper.execute(stepper.takeRequests().getFirst());
    stepper.restart();
    finishWithoutCondemn();
    assertDestroyed();
  }

  /** On old shards it still holds that an edge that is there, and not owned, is left alone. */
  @Test
  void theFormerStepsLeaveAFileThatWasBroughtBack() throws EggsException {
    stepper.apply(Stepper.request(destroy()));
    bringBack();
    finishWithoutCondemn();
    assertEquals(ErrorCode.EDGE_NOT_OWNED, stepper.lastAnswer.error());
    assertAlive();
  }

  /** What a CDC has left that did not condemn edges yet: a row that ends behind the step. */
  @Test
  void transactionsOfAFormerVersionGoOn() throws EggsException {
    for (int step = 1; step <= 4; step++) {
      stepper.apply(Stepper.request(destroy()));
      long transaction = stepper.state.unfinished().getFirst().id();
      if (step > 2) {
        plane.privileged(
            directory, new RemoveOwnedSnapshotFileEdgeRequest(directory, file, NAME, creationTime));
      }
      stepper.storeRow(transaction, step);
      stepper.restart();
      List<String> asked = finish();
      assertEquals(
          switch (step) {
            case 1 -> "CONDEMN_EDGE";
            case 2 -> "REMOVE_OWNED_SNAPSHOT_FILE_EDGE";
            case 3 -> "FULL_READ_DIR";
            default -> "MAKE_FILE_TRANSIENT";
          },
          asked.getFirst());
      assertEquals(null, stepper.lastAnswer.error());
      assertDestroyed();
      removeAFile();
    }
  }

  /** The second waits for the name, and finds nothing to do. */
  @Test
  void twoTransactionsForOneEdge() throws EggsException {
    stepper.apply(Stepper.request(destroy()), Stepper.request(destroy()));
    assertEquals(
        List.of(
            "CONDEMN_EDGE",
            "MAKE_FILE_TRANSIENT",
            "REMOVE_OWNED_SNAPSHOT_FILE_EDGE",
            "CONDEMN_EDGE"),
        finish());
    assertDestroyed();
  }

  /** A copy that comes when all is over changes nothing, whatever has become of the edge. */
  @Test
  void lateCopies() throws EggsException {
    CondemnEdgeRequest condemn = new CondemnEdgeRequest(directory, file, NAME, creationTime);
    stepper.apply(Stepper.request(destroy()));
    finish();
    assertEquals(
        ErrorCode.EDGE_NOT_FOUND,
        assertThrows(EggsException.class, () -> plane.privileged(directory, condemn)).code());
    assertDestroyed();

    removeAFile();
    CondemnEdgeRequest other = new CondemnEdgeRequest(directory, file, NAME, creationTime);
    bringBack();
    assertEquals(
        ErrorCode.EDGE_NOT_OWNED,
        assertThrows(EggsException.class, () -> plane.privileged(directory, other)).code());
    assertAlive();
  }

  /** Whoever wants to know sees the file as removed and not yet gone. */
  @Test
  void theCheckerSeesACondemnedEdge() throws EggsException {
    stepper.apply(Stepper.request(destroy()));
    stepper.takeRequests().forEach(stepper::answer);
    assertTrue(
        plane.check().stream().anyMatch(finding -> finding.startsWith("P16")),
        plane.check()::toString);
    finish();
    assertDestroyed();
  }
}
