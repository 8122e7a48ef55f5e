package org.eggsfs.fuse.fs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.eggsfs.fuse.fs.CloseJudge.Verdict;
import org.junit.jupiter.api.Test;

/** The rules of mount.md section 3 on a small world of processes. */
class CloseJudgeTest {
  private static final long INODE = 77;
  private static final int SHELL = 10;

  /** Processes with descriptor tables; each closes its own before it asks, as the kernel does. */
  private static final class World extends Processes {
    final Map<Integer, Integer> processOf = new HashMap<>();
    final Map<Integer, Life> lives = new HashMap<>();
    final Set<Integer> holders = new HashSet<>();
    final Set<Integer> alive = new TreeSet<>();
    final Set<Integer> unseen = new HashSet<>();
    final Set<Integer> related = new HashSet<>();
    final Map<Integer, Runnable> whenLookedAt = new HashMap<>();
    int newest = 20;
    boolean blind;

    int fork() {
      newest++;
      alive.add(newest);
      return newest;
    }

    @Override
    int process(int thread) {
      return processOf.getOrDefault(thread, thread);
    }

    @Override
    int newest() {
      return newest;
    }

    @Override
    Set<Integer> startedBetween(int after, int upTo) {
      Set<Integer> started = new TreeSet<>(alive);
      started.removeIf(number -> after != 0 && (number <= after || number > upTo));
      return started;
    }

    @Override
    boolean holds(int process, long inode) throws IOException {
      if (blind || unseen.contains(process)) {
        throw new IOException("not ours to see");
      }
      Runnable meanwhile = whenLookedAt.remove(process);
      if (meanwhile != null) {
        meanwhile.run();
        return false;
      }
      return inode == INODE && holders.contains(process);
    }

    @Override
    boolean isRelated(int process, int other) {
      return blind || related.contains(process);
    }

    @Override
    Life life(int thread) {
      return lives.getOrDefault(thread, Life.RUNNING);
    }
  }

  private final World world = new World();
  private final CloseJudge judge = new CloseJudge(world, MountSettings.OnExit.NORMAL);

  private Verdict close(CloseJudge.Users users, int thread) {
    return judge.judge(users, thread, INODE);
  }

  @Test
  void strangersThatCannotBeSeenDoNotMatter() {
    CloseJudge.Users users = judge.created(SHELL);
    int stranger = world.fork();
    world.unseen.add(stranger);
    assertEquals(Verdict.COMPLETE, close(users, SHELL));
    world.related.add(stranger);
    assertEquals(Verdict.UNDECIDED, close(users, SHELL));
  }

  @Test
  void theOnlyDescriptorCompletes() {
    CloseJudge.Users users = judge.created(SHELL);
    assertEquals(Verdict.COMPLETE, close(users, SHELL));
  }

  @Test
  void aCopyInTheSameProcessKeepsItOpen() {
    CloseJudge.Users users = judge.created(SHELL);
    world.holders.add(SHELL);
    assertEquals(Verdict.NOT_LAST, close(users, SHELL));
    world.holders.clear();
    assertEquals(Verdict.COMPLETE, close(users, SHELL));
  }

  @Test
  void aChildThatEndsDoesNotCompleteItsParentsFile() {
    CloseJudge.Users users = judge.created(SHELL);
    world.holders.add(SHELL);
    int child = world.fork();
    world.lives.put(child, Processes.Life.EXITING);
    assertEquals(Verdict.NOT_LAST, close(users, child));
  }

  @Test
  void aParentThatClosesLeavesItToItsChild() {
    CloseJudge.Users users = judge.created(SHELL);
    int child = world.fork();
    world.holders.add(child);
    assertEquals(Verdict.NOT_LAST, close(users, SHELL));
    world.holders.clear();
    world.lives.put(child, Processes.Life.EXITING);
    assertEquals(Verdict.COMPLETE, close(users, child));
  }

  @Test
  void aGrandchildWhoseParentHasGoneIsStillSeen() {
    CloseJudge.Users users = judge.created(SHELL);
    int child = world.fork();
    int grandchild = world.fork();
    world.alive.remove(child);
    world.holders.add(grandchild);
    assertEquals(Verdict.NOT_LAST, close(users, SHELL));
  }

  @Test
  void oneThatHandsTheFileOnWhileItIsLookedAtIsFollowed() {
    CloseJudge.Users users = judge.created(SHELL);
    int child = world.fork();
    // A daemon's double fork: the child has gone, but its child has come meanwhile.
    world.whenLookedAt.put(
        child,
        () -> {
          world.alive.remove(child);
          world.holders.add(world.fork());
        });
    assertEquals(Verdict.NOT_LAST, close(users, SHELL));
  }

  @Test
  void withoutNumbersOfProcessesAllAreLookedAt() {
    world.newest = 0;
    CloseJudge.Users users = judge.created(SHELL);
    world.alive.add(25);
    world.holders.add(25);
    assertEquals(Verdict.NOT_LAST, close(users, SHELL));
    world.holders.clear();
    assertEquals(Verdict.COMPLETE, close(users, SHELL));
  }

  @Test
  void processesThatBeginForEverAreNotLookedAtForEver() {
    CloseJudge.Users users = judge.created(SHELL);
    forkWhenLookedAt(world.fork());
    assertEquals(Verdict.UNDECIDED, close(users, SHELL));
  }

  private void forkWhenLookedAt(int process) {
    world.whenLookedAt.put(process, () -> forkWhenLookedAt(world.fork()));
  }

  @Test
  void anOlderProcessThatGotTheDescriptorIsSeenOnceItWrites() {
    int older = 15;
    CloseJudge.Users users = judge.created(SHELL);
    world.holders.add(older);
    assertEquals(Verdict.COMPLETE, close(users, SHELL), "nobody knows of it");
    judge.wrote(users, older);
    assertEquals(Verdict.NOT_LAST, close(users, SHELL));
  }

  @Test
  void aSignalAbandonsAndAnExitCompletes() {
    CloseJudge.Users users = judge.created(SHELL);
    world.lives.put(SHELL, Processes.Life.EXITING);
    assertEquals(Verdict.COMPLETE, close(users, SHELL));
    world.lives.put(SHELL, Processes.Life.KILLED);
    assertEquals(Verdict.ABANDONED, close(users, SHELL));
  }

  @Test
  void aKilledProcessThatWasNotTheLastChangesNothing() {
    CloseJudge.Users users = judge.created(SHELL);
    int child = world.fork();
    world.lives.put(child, Processes.Life.KILLED);
    world.holders.add(SHELL);
    assertEquals(Verdict.NOT_LAST, close(users, child));
    world.holders.clear();
    assertEquals(Verdict.COMPLETE, close(users, SHELL));
  }

  @Test
  void optionsDecideAboutExits() {
    CloseJudge always = new CloseJudge(world, MountSettings.OnExit.ALWAYS);
    CloseJudge never = new CloseJudge(world, MountSettings.OnExit.NEVER);
    world.lives.put(SHELL, Processes.Life.KILLED);
    assertEquals(Verdict.COMPLETE, always.judge(always.created(SHELL), SHELL, INODE));
    world.lives.put(SHELL, Processes.Life.EXITING);
    assertEquals(Verdict.ABANDONED, never.judge(never.created(SHELL), SHELL, INODE));
    world.lives.put(SHELL, Processes.Life.RUNNING);
    assertEquals(Verdict.COMPLETE, never.judge(never.created(SHELL), SHELL, INODE));
  }

  @Test
  void whatCannotBeSeenIsLeftOpen() {
    CloseJudge.Users users = judge.created(SHELL);
    assertEquals(Verdict.UNDECIDED, close(users, 0), "a foreign pid namespace");
    world.blind = true;
    assertEquals(Verdict.UNDECIDED, close(users, SHELL));
    assertEquals(Verdict.UNDECIDED, close(judge.created(0), SHELL));
  }

  @Test
  void threadsCountForTheirProcess() {
    int thread = world.fork();
    world.processOf.put(thread, SHELL);
    CloseJudge.Users users = judge.created(thread);
    world.holders.add(SHELL);
    assertEquals(Verdict.NOT_LAST, close(users, world.fork()));
    world.holders.clear();
    assertEquals(Verdict.COMPLETE, close(users, thread));
  }

  @Test
  void creatorAndHoldersUseTheFile() {
    CloseJudge.Users users = judge.created(SHELL);
    int child = world.fork();
    int other = world.fork();
    world.holders.add(child);
    assertTrue(judge.uses(users, SHELL, INODE));
    assertTrue(judge.uses(users, child, INODE));
    assertFalse(judge.uses(users, other, INODE));
    assertFalse(judge.uses(users, 0, INODE));
  }
}
