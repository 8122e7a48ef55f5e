package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.store.MapView;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Goal: who waits for whom (cdc.md section 13.4), in the order of arrival. Method: pairs of
 * requests of which the second runs at once or not, and random ones against a simple model of the
 * rule.
 */
class LocksTest {
  private static final long ROOT = InodeIds.ROOT;
  private static final long A = directory(1);
  private static final long B = directory(2);
  private static final long C = directory(3);
  private static final long D = directory(4);
  private static final long F = InodeIds.of(InodeIds.FILE, 1, 9);
  private static final long G = InodeIds.of(InodeIds.FILE, 2, 9);

  private static long directory(int number) {
    return InodeIds.of(InodeIds.DIRECTORY, 1000 + number, number);
  }

  private static CdcRequest mkdir(long owner, String name) {
    return new MakeDirectoryRequest(owner, bytes(name));
  }

  private static CdcRequest mv(long target, long from, String oldName, long to, String newName) {
    return InodeIds.isDirectory(target)
        ? new RenameDirectoryRequest(target, from, bytes(oldName), 1, to, bytes(newName))
        : new RenameFileRequest(target, from, bytes(oldName), 1, to, bytes(newName));
  }

  private static CdcRequest rmdir(long owner, long target, String name) {
    return new SoftUnlinkDirectoryRequest(owner, target, 1, bytes(name));
  }

  private static CdcRequest destroy(long owner, String name) {
    return new CrossShardHardUnlinkFileRequest(owner, F, bytes(name), 1);
  }

  static Stream<Arguments> pairs() {
    return Stream.of(
        // Names of one directory are independent of each other.
        Arguments.of(mkdir(A, "x"), mkdir(A, "y"), true),
        Arguments.of(mkdir(A, "x"), mkdir(A, "x"), false),
        Arguments.of(mkdir(A, "x"), mkdir(B, "x"), true),
        Arguments.of(mv(F, A, "x", B, "y"), mv(G, A, "z", B, "w"), true),
        Arguments.of(mv(F, A, "x", B, "y"), mv(G, A, "z", B, "y"), false),
        Arguments.of(mv(F, A, "x", B, "y"), mv(F, B, "y", A, "x"), false),
        Arguments.of(mv(F, A, "x", B, "y"), mkdir(B, "y"), false),
        Arguments.of(destroy(A, "x"), mkdir(A, "x"), false),
        Arguments.of(destroy(A, "x"), mkdir(A, "y"), true),
        // Only its removal needs a directory alone.
        Arguments.of(rmdir(A, B, "b"), mkdir(A, "x"), true),
        Arguments.of(rmdir(A, B, "b"), mkdir(B, "x"), false),
        Arguments.of(mkdir(B, "x"), rmdir(A, B, "b"), false),
        Arguments.of(rmdir(A, B, "b"), mv(F, A, "x", B, "y"), false),
        Arguments.of(rmdir(A, B, "b"), destroy(B, "x"), false),
        Arguments.of(rmdir(A, B, "b"), new HardUnlinkDirectoryRequest(B), false),
        Arguments.of(mkdir(B, "x"), new HardUnlinkDirectoryRequest(B), false),
        Arguments.of(new HardUnlinkDirectoryRequest(A), new HardUnlinkDirectoryRequest(B), true),
        // A directory hangs in one place at a time, by whatever name it is called.
        Arguments.of(mv(C, A, "c", B, "c"), mv(C, B, "other", D, "c"), false),
        Arguments.of(mv(C, A, "c", B, "c"), rmdir(B, C, "other"), false),
        Arguments.of(mv(C, A, "c", B, "c"), mkdir(C, "x"), true),
        Arguments.of(mv(C, A, "c", B, "c"), mv(D, A, "d", B, "d"), true));
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void theSecondRunsAtOnceOrWaits(CdcRequest first, CdcRequest second, boolean atOnce) {
    MapView store = new MapView();
    CdcState.initialize(store);
    for (long directory : new long[] {A, C, D}) {
      ParentsTable.put(store, directory, ROOT);
    }
    ParentsTable.put(store, B, A);
    CdcState state = CdcState.open(store);
    LogEntry entry =
        new LogEntry(
            1, List.of(Stepper.request(first), Stepper.request(second)), List.of(), List.of());
    state.apply(store, store, 1, entry);
    assertTrue(state.unfinished().get(0).started());
    assertEquals(atOnce, state.unfinished().get(1).started());
    // The same after a restart, as only the order of arrival counts.
    CdcState again = CdcState.open(store);
    again.resume(store, store, 2, 1);
    assertEquals(state.unfinished(), again.unfinished());
  }

  /** The new directory is visible before its inode is told; nobody may get in between. */
  @Test
  void aDirectoryBeingMadeIsNotTouched() {
    MapView store = new MapView();
    CdcState.initialize(store);
    CdcState state = CdcState.open(store);
    long fresh = MetaTable.read(store).nextDirectory;
    LogEntry entry =
        new LogEntry(
            1,
            List.of(
                Stepper.request(mkdir(ROOT, "x")),
                Stepper.request(rmdir(ROOT, fresh, "renamed")),
                Stepper.request(mkdir(fresh, "below")),
                Stepper.request(mv(fresh, ROOT, "renamed", A, "y")),
                Stepper.request(new HardUnlinkDirectoryRequest(fresh))),
            List.of(),
            List.of());
    state.apply(store, store, 1, entry);
    assertEquals(
        List.of(true, false, false, false, false),
        state.unfinished().stream().map(CdcState.Unfinished::started).toList());
  }

  /** Between the unlock of the new name and the change of the owner a client has time to act. */
  @Test
  void aDirectoryOnTheMoveIsNotRemovedUnderAnotherName() throws EggsException {
    Simulation simulation = new Simulation(1);
    MakeDirectoryResponse a = CdcFixture.mkdir(simulation, ROOT, "a");
    MakeDirectoryResponse b = CdcFixture.mkdir(simulation, ROOT, "b");
    Stepper stepper = new Stepper(simulation.plane);
    stepper.load(simulation);
    stepper.apply(Stepper.request(CdcFixture.renameDirectory(a, ROOT, "a", b.id(), "a")));
    List<Output.ToShard> commit = stepper.takeRequests();
    while (commit.stream().noneMatch(o -> o.request() instanceof UnlockCurrentEdgeRequest)) {
      commit.forEach(stepper::answer);
      commit = stepper.takeRequests();
    }
    assertEquals(3, commit.size(), "unlock both names and set the owner at once");
    stepper.execute(commit.getFirst());
    LookupResponse moved = simulation.plane.lookup(b.id(), bytes("a"));
    simulation.plane.client(
        b.id(),
        new SameDirectoryRenameRequest(
            a.id(), b.id(), bytes("a"), moved.creationTime(), bytes("a2")));
    LookupResponse renamed = simulation.plane.lookup(b.id(), bytes("a2"));
    stepper.apply(
        Stepper.request(
            new SoftUnlinkDirectoryRequest(b.id(), a.id(), renamed.creationTime(), bytes("a2"))));
    commit.forEach(stepper::answer);
    stepper.finish();
    assertEquals(List.of(), simulation.plane.check());
    assertEquals(InodeIds.NULL, simulation.plane.stat(a.id()).owner());
  }

  static Stream<Arguments> misplaced() {
    long unknown = directory(99);
    return Stream.of(
        Arguments.of(rmdir(B, ROOT, "x"), ErrorCode.EDGE_NOT_FOUND),
        Arguments.of(rmdir(unknown, ROOT, "x"), ErrorCode.DIRECTORY_NOT_FOUND),
        Arguments.of(rmdir(B, A, "a"), ErrorCode.EDGE_NOT_FOUND),
        Arguments.of(rmdir(unknown, A, "a"), ErrorCode.DIRECTORY_NOT_FOUND),
        Arguments.of(new RestoreDirectoryRequest(A, B, bytes("a")), ErrorCode.DIRECTORY_HAS_OWNER));
  }

  /** Else it could keep all out who work in the target, for as long as a shard does not answer. */
  @ParameterizedTest
  @MethodSource("misplaced")
  void aTargetOfAnotherOwnerIsNotLocked(CdcRequest request, ErrorCode error) {
    MapView store = new MapView();
    CdcState.initialize(store);
    ParentsTable.put(store, A, ROOT);
    ParentsTable.put(store, B, ROOT);
    CdcState state = CdcState.open(store);
    ClientRequest client = Stepper.request(request);
    ApplyResult result =
        state.apply(store, store, 1, new LogEntry(1, List.of(client), List.of(), List.of()));
    Output.ToClient answer = (Output.ToClient) result.outputs().getFirst();
    assertEquals(1, result.outputs().size());
    assertEquals(error, answer.error());
    assertTrue(result.urgent());
    assertEquals(0, state.transactionCount());
    assertEquals(0, state.lockCount());
    assertEquals(
        error, CdcState.open(store).givenAnswer(client.key(), client.fingerprint()).error());
  }

  @Test
  void aTargetThatIsOnItsWayToTheOwnerIsWaitedFor() {
    MapView store = new MapView();
    CdcState.initialize(store);
    ParentsTable.put(store, A, ROOT);
    ParentsTable.put(store, B, ROOT);
    CdcState state = CdcState.open(store);
    List<ClientRequest> requests =
        List.of(Stepper.request(mv(A, ROOT, "a", B, "a")), Stepper.request(rmdir(B, A, "a")));
    state.apply(store, store, 1, new LogEntry(1, requests, List.of(), List.of()));
    assertEquals(
        List.of(true, false),
        state.unfinished().stream().map(CdcState.Unfinished::started).toList());
  }

  @Test
  void anExclusiveLockIsNotOvertaken() {
    LockTable table = new LockTable();
    Transaction reader = holder(1, mkdir(A, "x"));
    Transaction writer = holder(2, rmdir(ROOT, A, "a"));
    Transaction late = holder(3, mkdir(A, "y"));
    assertTrue(table.acquire(reader));
    assertFalse(table.acquire(writer));
    assertFalse(table.acquire(late), "it would starve the one before it");
    List<Transaction> ready = new ArrayList<>();
    table.release(reader, ready);
    assertEquals(List.of(writer), ready);
    ready.clear();
    table.release(writer, ready);
    assertEquals(List.of(late), ready);
    table.release(late, new ArrayList<>());
    assertEquals(0, table.size());
  }

  @Test
  void oneThatGivesUpLetsTheNextOnesGo() {
    LockTable table = new LockTable();
    Transaction reader = holder(1, mkdir(A, "x"));
    Transaction writer = holder(2, rmdir(ROOT, A, "a"));
    Transaction late = holder(3, mkdir(A, "y"));
    table.acquire(reader);
    table.acquire(writer);
    table.acquire(late);
    List<Transaction> ready = new ArrayList<>();
    table.release(writer, ready);
    assertEquals(List.of(late), ready);
    table.release(reader, ready);
    table.release(late, ready);
    assertEquals(0, table.size());
  }

  /** Whoever conflicts with nobody before it runs; the others wait; all run in the end. */
  @Test
  void randomRequestsFollowTheRule() {
    Random random = new Random(4);
    LockTable table = new LockTable();
    List<Transaction> alive = new ArrayList<>();
    int ran = 0;
    for (int i = 0; i < 3000 || !alive.isEmpty(); i++) {
      if (i < 3000 && alive.size() < 12 && random.nextInt(3) > 0) {
        Transaction transaction = holder(i, randomRequest(random));
        alive.add(transaction);
        table.acquire(transaction);
      } else if (!alive.isEmpty()) {
        List<Transaction> able =
            alive.stream().filter(transaction -> transaction.locks().waiting == 0).toList();
        assertFalse(able.isEmpty(), "a deadlock");
        Transaction ends =
            random.nextInt(10) == 0
                ? alive.get(random.nextInt(alive.size()))
                : able.get(random.nextInt(able.size()));
        alive.remove(ends);
        table.release(ends, new ArrayList<>());
        ran++;
      }
      for (int j = 0; j < alive.size(); j++) {
        boolean free = true;
        for (int k = 0; k < j; k++) {
          free &= !conflict(alive.get(k).locks(), alive.get(j).locks());
        }
        if (free) {
          assertEquals(0, alive.get(j).locks().waiting);
        }
        if (alive.get(j).locks().waiting == 0) {
          assertTrue(free, "runs although one before it is in the way");
        }
      }
    }
    assertEquals(0, table.size());
    assertTrue(ran > 1000);
  }

  private static boolean conflict(Locks one, Locks other) {
    for (int i = 0; i < one.keys.size(); i++) {
      int j = other.keys.indexOf(one.keys.get(i));
      if (j >= 0 && (one.exclusive[i] || other.exclusive[j])) {
        return true;
      }
    }
    return false;
  }

  private static CdcRequest randomRequest(Random random) {
    long[] directories = {A, B, C, D};
    long from = directories[random.nextInt(4)];
    long to = directories[random.nextInt(4)];
    long target = directories[random.nextInt(4)];
    String name = "n" + random.nextInt(3);
    return switch (random.nextInt(5)) {
      case 0, 1 -> mkdir(from, name);
      case 2 -> mv(F, from, name, to, "m" + random.nextInt(3));
      case 3 -> mv(target, from, name, to, "m" + random.nextInt(3));
      default -> rmdir(from, target, name);
    };
  }

  private static Transaction holder(long id, CdcRequest request) {
    return Transactions.of(id, Stepper.request(request), directory(100 + (int) id));
  }
}
