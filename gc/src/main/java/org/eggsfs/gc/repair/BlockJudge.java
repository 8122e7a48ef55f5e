package org.eggsfs.gc.repair;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import org.eggsfs.protocol.EggsException;

/** Says which blocks of a file are to be replaced: {@code isBad} of gc.md section 6. */
public interface BlockJudge {
  /**
   * Called for every block of every location, again after a conflict.
   *
   * @throws EggsException if it cannot tell; the repair of the file ends
   */
  Verdict judge(StoredBlock block) throws EggsException, IOException;

  /** Block services that must not take replacements, because this judge would condemn them too. */
  default Collection<Long> avoidedServices() {
    return List.of();
  }
}
