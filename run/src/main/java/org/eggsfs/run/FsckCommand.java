package org.eggsfs.run;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.EggsCli;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.shard.state.Findings;
import org.eggsfs.store.StoreException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

/**
 * {@code eggs fsck}: checks metadata. With {@code --data-dir} that of a stopped instance, read from
 * its database; without, that of a running one, over the wire.
 */
@Command(
    name = "eggsfsck",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Check the metadata of a stopped instance (--data-dir), all shards together,",
      "or of a running one (all other options as of 'eggs cli fsck')."
    })
final class FsckCommand implements Callable<Integer> {
  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Data directory of a stopped 'eggs run' or shard host.")
  private Path dataDir;

  @Option(
      names = "--blocks",
      description = "With --data-dir: compare the block files of its disks with the metadata too.")
  private boolean blocks;

  @Option(names = "--json", description = "Answer in JSON.")
  private boolean json;

  @Unmatched private List<String> forTheOnlineCheck = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    if (dataDir == null) {
      if (blocks) {
        throw new CommandFailure(
            ExitCodes.USAGE,
            "--blocks is for a stopped instance (--data-dir); for a running one there is"
                + " 'eggs cli audit-blocks'");
      }
      List<String> args = new ArrayList<>(List.of("fsck"));
      if (json) {
        args.add("--json");
      }
      args.addAll(forTheOnlineCheck);
      return EggsCli.run(args.toArray(String[]::new));
    }
    if (!forTheOnlineCheck.isEmpty()) {
      throw new CommandFailure(
          ExitCodes.USAGE, "with --data-dir there is no option " + forTheOnlineCheck.getFirst());
    }
    OfflineCheck check = new OfflineCheck(dataDir, blocks);
    if (!check.hasShards()) {
      throw new CommandFailure(dataDir + ": no shards of an instance are in this directory");
    }
    try {
      Findings findings = check.run();
      return report(findings, check.notes());
    } catch (IOException | StoreException e) {
      throw new CommandFailure(ExitCodes.FAILED, e.getMessage(), e);
    }
  }

  private int report(Findings findings, List<String> notes) {
    if (json) {
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      node.put("problemCount", findings.count());
      findings.kept().forEach(node.putArray("problems")::add);
      notes.forEach(node.putArray("notes")::add);
      System.out.println(node.toPrettyString());
    } else {
      notes.forEach(System.out::println);
      findings.kept().forEach(System.out::println);
      System.out.println(findings.count() == 0 ? "clean" : findings.count() + " problems");
    }
    return findings.count() == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }
}
