package org.eggsfs.sim.defect;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

/** Runs the simulator with a defect switched on, seed by seed, until an oracle sees it. */
public final class DefectRun {
  private static final String SIMULATION = "org.eggsfs.sim.Simulation";

  /**
   * What came out.
   *
   * @param oracle which has seen it; null if none has
   * @param seeds how many runs that took
   */
  public record Outcome(String oracle, String what, long seeds, long nanos) {}

  private DefectRun() {}

  /**
   * Tries a defect.
   *
   * @param seedsMax when to give up
   */
  public static Outcome run(Defect defect, long seedsMax, long operations) {
    long start = System.nanoTime();
    try {
      ClassLoader loader = new DefectLoader(DefectRun.class.getClassLoader(), defect.edits().get());
      Method judge = loader.loadClass(SIMULATION).getMethod("judge", long.class, long.class);
      for (long seed = 1; seed <= seedsMax; seed++) {
        String[] verdict = (String[]) judge.invoke(null, seed, operations);
        if (verdict.length > 0) {
          return new Outcome(verdict[0], verdict[1], seed, System.nanoTime() - start);
        }
      }
    } catch (InvocationTargetException e) {
      Throwable cause = e.getCause();
      if (cause instanceof IllegalStateException noEffect) {
        throw noEffect;
      }
      throw new IllegalStateException("the simulator itself failed", cause);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("the simulator cannot be loaded once more", e);
    }
    return new Outcome(null, "", seedsMax, System.nanoTime() - start);
  }
}
