package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code resolve}: from inodes to paths. */
@Command(
    name = "resolve",
    description = {
      "Find the paths of inodes.",
      "A file does not know its name: the directories of its shard are searched, then those of all",
      "others."
    })
final class ResolveCommand extends LookingCommand {
  @Parameters(paramLabel = "INODE", arity = "1..*")
  private List<String> inodes;

  @Override
  int run(EggsClient client) throws Exception {
    Set<Long> ids = new LinkedHashSet<>();
    for (String inode : inodes) {
      ids.add(Numbers.inode("INODE", inode));
    }
    PathFinder finder = new PathFinder(client);
    Map<Long, String> paths = new TreeMap<>();
    List<Long> files = ids.stream().filter(id -> !InodeIds.isDirectory(id)).toList();
    if (!files.isEmpty()) {
      try (ProgressLine progress = ProgressLine.start("directories searched")) {
        paths.putAll(finder.files(files, progress));
      }
    }
    int failed = 0;
    for (long id : ids) {
      String failure = "no edge owns it";
      if (InodeIds.isDirectory(id)) {
        try {
          paths.put(id, finder.directory(id));
        } catch (EggsException e) {
          failure = Failures.words(e);
        }
      }
      String path = paths.get(id);
      if (path == null) {
        CommandRunner.error("resolve", InodeIds.format(id) + ": " + failure);
        failed++;
      } else if (json) {
        ObjectNode node = object();
        EggsPath.put(node.put("id", InodeIds.format(id)), "path", path);
        out.println(node);
      } else {
        out.println(InodeIds.format(id) + " " + PathFinder.shown(path));
      }
    }
    return failed == 0 ? ExitCodes.OK : failed == ids.size() ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }
}
