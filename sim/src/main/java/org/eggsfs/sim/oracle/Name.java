package org.eggsfs.sim.oracle;

import org.eggsfs.core.InodeIds;

/** A name in a directory. */
public record Name(long directory, String text) {
  @Override
  public String toString() {
    return InodeIds.format(directory) + "/" + text;
  }
}
