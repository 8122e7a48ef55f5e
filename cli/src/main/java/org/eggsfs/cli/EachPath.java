package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.protocol.EggsException;

/** One operation on several paths: a failure at one is told, the others are done all the same. */
final class EachPath {
  private EachPath() {}

  /** What is done to each path. */
  interface Step {
    void apply(String path) throws EggsException, IOException, CommandFailure;
  }

  static int apply(String command, List<String> paths, Step step) throws CommandFailure {
    int failed = 0;
    for (String path : EggsPath.parse(paths)) {
      try {
        step.apply(path);
      } catch (EggsException | IOException e) {
        CommandRunner.error(command, path + ": " + Failures.words(e));
        failed++;
      } catch (CommandFailure e) {
        CommandRunner.error(command, e.getMessage());
        failed++;
      }
    }
    if (failed == 0) {
      return ExitCodes.OK;
    }
    return failed == paths.size() ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }
}
