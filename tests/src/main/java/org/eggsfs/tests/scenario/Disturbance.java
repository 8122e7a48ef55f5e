package org.eggsfs.tests.scenario;

/** What happens to the cluster while a load runs. */
interface Disturbance {
  /** Nothing does. */
  Disturbance NONE = (run, load) -> load.run();

  /** A load that must succeed in spite of it. */
  interface Load {
    /** Runs it to its end. */
    void run() throws Exception;
  }

  /** Runs the load and disturbs meanwhile; afterwards everything is in order again. */
  void during(Run run, Load load) throws Exception;
}
