package org.eggsfs.tests.scenario;

import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import org.eggsfs.tests.check.Aftermath;
import org.eggsfs.tests.cluster.ClusterConfig;

/**
 * Goal: one cluster stands everything, one after the other, for as long as wanted. Method:
 * scenarios of the suite in random order and in their short size, each with a random fault and a
 * seed of its own, on one cluster that is emptied and checked after each, and never started anew.
 */
final class Soak implements Scenario {
  private final List<Scenario> scenarios;

  /** Chooses from scenarios that want the cluster of this one. */
  Soak(List<Scenario> scenarios) {
    this.scenarios = List.copyOf(scenarios);
  }

  @Override
  public String name() {
    return "soak";
  }

  @Override
  public String oracle() {
    return "that of each scenario, and what is done after each";
  }

  @Override
  public ClusterConfig cluster() {
    return ClusterConfig.PROCESSES;
  }

  @Override
  public boolean isInShortSuite() {
    return false;
  }

  @Override
  public boolean goesOnForLong() {
    return true;
  }

  @Override
  public void run(Run run) throws Exception {
    Duration duration = run.duration(Duration.ofMinutes(8), Duration.ofSeconds(60));
    long end = System.nanoTime() + duration.toNanos();
    SplittableRandom random = run.random(0);
    int round = 0;
    do {
      Scenario scenario = scenarios.get(random.nextInt(scenarios.size()));
      long seed = random.nextLong();
      if (scenario.missing() == null) {
        round++;
        run.count("of " + scenario.name(), 1);
        try (Run one = run.shortRun(seed, "round" + round)) {
          scenario.run(one);
        } catch (Failure e) {
          throw new Failure("round " + round + ", " + scenario.name() + ": " + e.getMessage());
        }
        Aftermath.check(run.cluster());
        List<String> ended = run.cluster().misbehaviour();
        Failure.unless(ended.isEmpty(), String.join("; ", ended));
      }
    } while (System.nanoTime() < end);
    run.count("rounds", round);
  }
}
