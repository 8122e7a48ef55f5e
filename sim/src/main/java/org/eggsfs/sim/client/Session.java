package org.eggsfs.sim.client;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.sim.oracle.Contents;
import org.eggsfs.sim.oracle.History;
import org.eggsfs.sim.world.ClientMachine;
import org.eggsfs.sim.world.World;

/**
 * What the clients of a run share.
 *
 * @param history what they asked for and were told
 * @param contents what they have written
 * @param budget how many operations they may still begin
 * @param foretelling what one of them must be answered while it is alone
 */
public record Session(
    World world,
    Knowledge knowledge,
    History history,
    Contents contents,
    Budget budget,
    Foretelling foretelling) {
  /** A run in which nothing has happened yet. */
  public Session(World world) {
    this(
        world,
        new Knowledge(world.random()),
        new History(),
        new Contents(),
        new Budget(),
        new Foretelling(world));
  }

  /** Operations that may still begin. */
  public static final class Budget {
    private long left;
    private long done;
    private final List<ClientMachine> waiting = new ArrayList<>();

    /** Allows more to one client alone. */
    public void allowOne(long operations) {
      left += operations;
      waiting.removeFirst().wakeAfter(0);
    }

    /** Allows more. */
    public void allow(long operations) {
      left += operations;
      waiting.forEach(client -> client.wakeAfter(0));
      waiting.clear();
    }

    /** Waits in a client's program until more are allowed. */
    void await(ClientMachine client) {
      waiting.add(client);
      client.park();
    }

    boolean take() {
      if (left == 0) {
        return false;
      }
      left--;
      done++;
      return true;
    }

    /** Whether none is left. */
    public boolean isSpent() {
      return left == 0;
    }

    /** Operations begun so far. */
    public long done() {
      return done;
    }
  }
}
