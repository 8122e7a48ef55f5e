package org.eggsfs.run;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.EggsCli;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.shard.state.CrossShardChecker;
import org.eggsfs.shard.state.Findings;
import org.eggsfs.shard.state.ShardChecker;
import org.eggsfs.store.DataDirectory;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.RocksStore;
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

  @Option(names = "--json", description = "Answer in JSON.")
  private boolean json;

  @Unmatched private List<String> forTheOnlineCheck = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    if (dataDir == null) {
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
    Path shards = new InstanceLayout(dataDir.toAbsolutePath().normalize()).shards();
    if (!Files.isDirectory(shards)) {
      shards = dataDir;
    }
    if (!Files.isDirectory(shards.resolve("db"))) {
      throw new CommandFailure(dataDir + ": no shards of an instance are in this directory");
    }
    return report(check(shards));
  }

  private static Findings check(Path shards) throws CommandFailure {
    Findings findings = new Findings();
    // Locked like a running host, so that nothing changes under the check.
    try (DataDirectory _ = DataDirectory.open(shards, SHARD_FORMAT);
        RocksStore store = RocksStore.openReadOnly(shards.resolve("db"));
        KeyValueStore.Snapshot view = store.snapshot()) {
      CrossShardChecker together = new CrossShardChecker(findings);
      for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
        ShardChecker.check(view, shard, BlockServices.EMPTY, findings);
        together.add(view, shard);
      }
      together.finish();
      return findings;
    } catch (IOException e) {
      throw new CommandFailure(ExitCodes.FAILED, e.getMessage(), e);
    }
  }

  /** What shard hosts mark their directory with. */
  private static final String SHARD_FORMAT = "eggsshard 1";

  private int report(Findings findings) {
    if (json) {
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      node.put("problemCount", findings.count());
      findings.kept().forEach(node.putArray("problems")::add);
      System.out.println(node.toPrettyString());
    } else {
      findings.kept().forEach(System.out::println);
      System.out.println(findings.count() == 0 ? "clean" : findings.count() + " problems");
    }
    return findings.count() == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }
}
