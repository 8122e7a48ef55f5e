package org.eggsfs.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import org.eggsfs.sim.world.Faults;
import org.eggsfs.sim.world.Tracer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: the metadata plane keeps its promises in a bad world. Method: a bounded number of seeds;
 * {@code eggs sim} runs as many as one likes.
 */
class SimulationTest {
  private static final long OPERATIONS = 800;
  private static final int SEEDS_EACH = 8;

  @ParameterizedTest
  @ValueSource(longs = {1, 86, 5053})
  void aBadWorld(long first) {
    long crashes = 0;
    for (long seed = first; seed < first + SEEDS_EACH; seed++) {
      Simulation.Result result =
          Simulation.run(seed, OPERATIONS, EnumSet.allOf(Faults.Kind.class), Tracer.NONE);
      assertNull(result.failure(), () -> "eggs sim --seed " + result.seed() + " --steps 800");
      assertEquals(OPERATIONS, result.operations());
      crashes += result.crashes();
    }
    assertTrue(crashes > 0, "the world was not bad");
  }

  @Test
  void aGoodWorld() {
    Simulation.Result result =
        Simulation.run(7, OPERATIONS, EnumSet.noneOf(Faults.Kind.class), Tracer.NONE);
    assertNull(result.failure());
    assertEquals(0, result.crashes());
  }

  /** The same seed gives the same story, word for word; another one gives another. */
  @Test
  void aSeedIsAllThereIs() {
    List<String> story = story(11);
    assertEquals(story, story(11));
    assertTrue(story.size() > OPERATIONS && !story.equals(story(12)));
  }

  private static List<String> story(long seed) {
    List<String> lines = new ArrayList<>();
    Simulation.run(
        seed,
        OPERATIONS,
        EnumSet.allOf(Faults.Kind.class),
        (nanos, who, what) -> lines.add(nanos + " " + who + " " + what));
    return lines;
  }
}
