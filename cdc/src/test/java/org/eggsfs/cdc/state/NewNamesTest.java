package org.eggsfs.cdc.state;

import static org.eggsfs.cdc.state.CdcFixture.assertFails;
import static org.eggsfs.cdc.state.CdcFixture.bytes;
import static org.eggsfs.cdc.state.CdcFixture.mkdir;
import static org.eggsfs.cdc.state.CdcFixture.renameFileNoReplace;
import static org.eggsfs.cdc.state.CdcFixture.rmdir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.MakeNewDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeNewDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceResponse;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: of those who want one name for themselves exactly one gets it, and learns that it has, also
 * when it has to ask again. Method: real shards behind a network that loses and doubles, and a
 * coordinator that dies in between; what one crash at each point does is in {@link RestartTest}.
 */
class NewNamesTest {
  private static final long ROOT = InodeIds.ROOT;
  private static final int RIVALS = 5;

  private final Simulation simulation = new Simulation(1);
  private final ShardPlane plane = simulation.plane;

  private static MakeNewDirectoryRequest makeNew(long owner, String name) {
    return new MakeNewDirectoryRequest(owner, bytes(name));
  }

  private static RenameFileNoReplaceRequest move(
      LookupResponse file, String oldName, long newOwner, String newName) {
    return renameFileNoReplace(file, ROOT, oldName, newOwner, newName);
  }

  @Test
  void aNameThatIsTakenIsRefused() throws EggsException {
    MakeNewDirectoryResponse made =
        (MakeNewDirectoryResponse) simulation.call(makeNew(ROOT, "new"));
    assertEquals(
        new LookupResponse(made.id(), made.creationTime()), plane.lookup(ROOT, bytes("new")));
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    assertFails(ErrorCode.CANNOT_OVERRIDE_NAME, simulation, makeNew(ROOT, "new"));
    assertFails(ErrorCode.CANNOT_OVERRIDE_NAME, simulation, makeNew(ROOT, "f"));
    assertEquals(file, plane.lookup(ROOT, bytes("f")));
    // TernFS's message goes on to answer with what is there.
    assertEquals(
        new MakeDirectoryResponse(made.id(), made.creationTime()),
        simulation.call(new MakeDirectoryRequest(ROOT, bytes("new"))));
    simulation.check();
  }

  @Test
  void aNameThatHasBecomeFreeCanBeMadeAnew() throws EggsException {
    MakeDirectoryResponse first = mkdir(simulation, ROOT, "d");
    simulation.call(rmdir(ROOT, first, "d"));
    MakeNewDirectoryResponse second =
        (MakeNewDirectoryResponse) simulation.call(makeNew(ROOT, "d"));
    assertNotEquals(first.id(), second.id());
    assertEquals(ROOT, plane.stat(second.id()).owner());
    simulation.check();
  }

  @Test
  void aRefusalLeavesNoInodeBehind() throws EggsException {
    MakeDirectoryResponse there = mkdir(simulation, ROOT, "d");
    assertFails(ErrorCode.CANNOT_OVERRIDE_NAME, simulation, makeNew(ROOT, "d"));
    assertEquals(
        ErrorCode.DIRECTORY_NOT_FOUND,
        assertThrows(EggsException.class, () -> plane.stat(there.id() + 1)).code());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void ofManyWhoMakeOneNameOneSucceeds(long seed) {
    Simulation world = new Simulation(seed);
    world.loss = 0.2;
    world.duplication = 0.2;
    List<Simulation.Client> rivals = new ArrayList<>();
    for (int i = 0; i < RIVALS; i++) {
      rivals.add(world.send(makeNew(ROOT, "lock")));
    }
    crashNowAndThen(world, rivals);
    assertOneWinner(rivals);
    world.check();
  }

  /** A client that has waited long enough asks again; between the two the coordinator may die. */
  private static void crashNowAndThen(Simulation world, List<Simulation.Client> clients) {
    for (int crash = 0; crash < 4; crash++) {
      int events = world.random.nextInt(25);
      for (int i = 0; i < events; i++) {
        world.step();
      }
      world.crash();
      clients.forEach(world::resend);
    }
    world.settle();
    clients.forEach(world::resend);
    world.settle();
  }

  private static void assertOneWinner(List<Simulation.Client> rivals) {
    assertEquals(1, rivals.stream().filter(client -> client.error == null).count());
    for (Simulation.Client client : rivals) {
      if (client.error != null) {
        assertEquals(ErrorCode.CANNOT_OVERRIDE_NAME, client.error);
      }
    }
  }

  @Test
  void aFileReplacesNothingWhenItMustNot() throws EggsException {
    long a = mkdir(simulation, ROOT, "a").id();
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    LookupResponse there = plane.makeFile(a, bytes("there"));
    mkdir(simulation, a, "directory");
    assertFails(ErrorCode.CANNOT_OVERRIDE_NAME, simulation, move(file, "f", a, "there"));
    assertFails(ErrorCode.CANNOT_OVERRIDE_NAME, simulation, move(file, "f", a, "directory"));
    assertFails(
        ErrorCode.NEW_DIRECTORY_NOT_FOUND,
        simulation,
        move(file, "f", InodeIds.of(InodeIds.DIRECTORY, 999, 3), "x"));
    assertEquals(file, plane.lookup(ROOT, bytes("f")));
    assertEquals(there, plane.lookup(a, bytes("there")));
    // A refusal leaves the old name as free as it was.
    RenameFileNoReplaceResponse moved =
        (RenameFileNoReplaceResponse) simulation.call(move(file, "f", a, "new"));
    assertEquals(
        new LookupResponse(file.targetId(), moved.creationTime()), plane.lookup(a, bytes("new")));
    simulation.check();
  }

  @ParameterizedTest
  @ValueSource(longs = {21, 22, 23, 24, 25, 26, 27, 28})
  void ofManyWhoMoveToOneNameOneSucceeds(long seed) throws EggsException {
    Simulation world = new Simulation(seed);
    long a = mkdir(world, ROOT, "a").id();
    List<LookupResponse> files = new ArrayList<>();
    for (int i = 0; i < RIVALS; i++) {
      files.add(world.plane.makeFile(ROOT, bytes("f" + i)));
    }
    world.loss = 0.2;
    world.duplication = 0.2;
    List<Simulation.Client> rivals = new ArrayList<>();
    for (int i = 0; i < RIVALS; i++) {
      rivals.add(world.send(move(files.get(i), "f" + i, a, "one")));
    }
    crashNowAndThen(world, rivals);
    assertOneWinner(rivals);
    for (int i = 0; i < RIVALS; i++) {
      if (rivals.get(i).error == null) {
        assertEquals(files.get(i).targetId(), world.plane.lookup(a, bytes("one")).targetId());
      } else {
        assertEquals(files.get(i), world.plane.lookup(ROOT, bytes("f" + i)));
      }
    }
    world.check();
  }

  /** A client of the shard takes the name between the coordinator's look and its change. */
  @Test
  void whoTakesTheNameMeanwhileKeepsIt() throws EggsException {
    Stepper stepper = new Stepper(plane);
    LookupResponse file = plane.makeFile(ROOT, bytes("f"));
    stepper.apply(Stepper.request(makeNew(ROOT, "a")));
    stepper.finish();
    long a = ((MakeNewDirectoryResponse) stepper.lastAnswer.response()).id();

    stepper.apply(Stepper.request(move(file, "f", a, "n")));
    stepper.takeRequests().forEach(stepper::answer);
    LookupResponse rival = plane.makeFile(a, bytes("n"));
    stepper.finish();
    assertEquals(ErrorCode.CANNOT_OVERRIDE_NAME, stepper.lastAnswer.error());
    assertEquals(rival, plane.lookup(a, bytes("n")));
    assertEquals(file, plane.lookup(ROOT, bytes("f")));

    stepper.apply(Stepper.request(makeNew(a, "m")));
    stepper.answer(stepper.takeRequests().getFirst());
    plane.client(
        a,
        new SameDirectoryRenameRequest(
            rival.targetId(), a, bytes("n"), rival.creationTime(), bytes("m")));
    stepper.finish();
    assertEquals(ErrorCode.CANNOT_OVERRIDE_NAME, stepper.lastAnswer.error());
    assertEquals(rival.targetId(), plane.lookup(a, bytes("m")).targetId());
    assertEquals(List.of(), plane.check());
  }

  @Test
  void aDirectoryThatTakesTheNameMeanwhileIsNotTheAnswer() throws EggsException {
    Stepper stepper = new Stepper(plane);
    stepper.apply(Stepper.request(makeNew(ROOT, "other")));
    stepper.finish();
    MakeNewDirectoryResponse other = (MakeNewDirectoryResponse) stepper.lastAnswer.response();
    stepper.apply(Stepper.request(makeNew(ROOT, "d")));
    stepper.answer(stepper.takeRequests().getFirst());
    plane.client(
        ROOT,
        new SameDirectoryRenameRequest(
            other.id(), ROOT, bytes("other"), other.creationTime(), bytes("d")));
    stepper.finish();
    assertEquals(ErrorCode.CANNOT_OVERRIDE_NAME, stepper.lastAnswer.error());
    assertEquals(other.id(), plane.lookup(ROOT, bytes("d")).targetId());
    assertEquals(List.of(), plane.check());
  }
}
