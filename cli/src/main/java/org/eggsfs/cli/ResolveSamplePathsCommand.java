package org.eggsfs.cli;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;

/** {@code resolve-sample-paths}: a filter that completes names to paths (cli.md 2.3). */
@Command(
    name = "resolve-sample-paths",
    description = {
      "Read CSV rows 'name,owner inode,…' and write them with the full path for the name.",
      "From standard input to standard output. A row whose owner is gone stays as it is."
    })
final class ResolveSamplePathsCommand extends ClientCommand {
  /** Rows are answered in their order; this many are in work at a time. */
  private static final int BATCH = 1000;

  @Override
  int run(EggsClient client) throws Exception {
    PathFinder finder = new PathFinder(client);
    boolean all = true;
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    List<List<String>> rows = new ArrayList<>();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      rows.add(Csv.parse(line));
      if (rows.size() == BATCH) {
        all &= write(finder, rows);
        rows.clear();
        requireOutput();
      }
    }
    all &= write(finder, rows);
    return all ? ExitCodes.OK : ExitCodes.PARTIAL;
  }

  private boolean write(PathFinder finder, List<List<String>> rows) throws Exception {
    List<Long> owners = new ArrayList<>();
    for (List<String> row : rows) {
      if (row.size() < 2) {
        throw new CommandFailure("no owner in row: " + Csv.row(row));
      }
      owners.add(Numbers.inode("owner", row.get(1).strip()));
    }
    List<String> directories =
        Parallel.map(
            owners,
            owner -> {
              try {
                return finder.directory(owner);
              } catch (EggsException e) {
                if (Failures.isNotFound(e)) {
                  return "";
                }
                throw e;
              }
            });
    boolean all = true;
    for (int i = 0; i < rows.size(); i++) {
      List<String> row = new ArrayList<>(rows.get(i));
      if (directories.get(i).isEmpty()) {
        CommandRunner.error(
            spec.name(), "owner " + row.get(1) + " of '" + row.getFirst() + "' is gone");
        all = false;
      } else {
        row.set(0, EggsPath.shown(EggsPath.child(directories.get(i), row.getFirst())));
      }
      out.println(Csv.row(row));
    }
    return all;
  }
}
