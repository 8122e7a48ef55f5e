package org.eggsfs.run.faults;

import java.io.IOException;
import java.nio.file.Path;

/** A subject that begins each life in an empty directory and with nothing acknowledged. */
abstract class FreshSubject implements Subject {
  private final String name;
  private Path home;

  /** Its directories begin with this name. */
  FreshSubject(String name) {
    this.name = name;
  }

  /** Forgets what former lives have acknowledged. */
  abstract void forget();

  @Override
  public final Path nextHome(Path parent, int life) throws IOException {
    if (home != null) {
      FaultLoop.deleteTree(home);
    }
    home = parent.resolve(name + "-" + life);
    forget();
    return home;
  }
}
