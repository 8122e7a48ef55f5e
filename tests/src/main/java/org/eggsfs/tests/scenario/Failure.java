package org.eggsfs.tests.scenario;

/** An oracle found that something is not as it must be. */
public final class Failure extends Exception {
  private static final long serialVersionUID = 1;

  /** A failure with its reason. */
  public Failure(String message) {
    super(message);
  }

  /** Fails unless the condition holds. */
  public static void unless(boolean condition, String message) throws Failure {
    if (!condition) {
      throw new Failure(message);
    }
  }

  /** Fails unless the two are equal. */
  public static void unlessEqual(Object expected, Object actual, String what) throws Failure {
    if (!expected.equals(actual)) {
      throw new Failure(what + ": expected " + expected + ", found " + actual);
    }
  }
}
