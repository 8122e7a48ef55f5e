package org.eggsfs.sim.defect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Goal: the simulator can fail. Method: known mistakes in the servers' classes, one at a time; here
 * those that are seen within a few runs, {@code eggs sim --defects} has them all.
 */
class DefectsTest {
  private static final long SEEDS_MAX = 20;
  private static final long OPERATIONS = 1000;

  /** Not soon, but soon enough for each build; how soon depends on the order of random choices. */
  private static final Map<String, Long> PATIENCE = Map.of("read-uncommitted", 150L);

  /** They need a coincidence, and so up to hundreds of runs. */
  private static final Set<String> RARE =
      Set.of(
          "answers-forgotten",
          "batches-not-counted",
          "edge-lock-ignored",
          "late-requests-executed",
          "listing-off-by-one",
          "loops-not-awaited",
          "times-not-monotone");

  static Stream<String> seenSoon() {
    return Defect.all().stream().map(Defect::name).filter(name -> !RARE.contains(name));
  }

  private static Defect named(String name) {
    return Defect.all().stream()
        .filter(defect -> defect.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @MethodSource("seenSoon")
  void itIsSeen(String name) {
    DefectRun.Outcome outcome =
        DefectRun.run(named(name), PATIENCE.getOrDefault(name, SEEDS_MAX), OPERATIONS);
    assertNotNull(outcome.oracle(), () -> "nobody has seen " + name);
  }

  /** The rare ones are at least still there to be switched on: the code has not moved away. */
  @Test
  void theRareOnesCanBeMade() throws ClassNotFoundException {
    for (String name : RARE) {
      Edit[] edits = named(name).edits().get();
      ClassLoader loader = new DefectLoader(DefectsTest.class.getClassLoader(), edits);
      for (Edit edit : edits) {
        assertEquals(loader, loader.loadClass(edit.className()).getClassLoader());
      }
    }
  }

  @Test
  void namesAreUnique() {
    Set<String> names = new HashSet<>();
    Defect.all().forEach(defect -> assertTrue(names.add(defect.name()), defect.name()));
  }
}
