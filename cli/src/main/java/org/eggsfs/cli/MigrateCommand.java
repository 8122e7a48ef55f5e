package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.migrate.MigrateCounters;
import org.eggsfs.gc.migrate.MigrateListener;
import org.eggsfs.gc.migrate.MigrateReport;
import org.eggsfs.gc.migrate.MigrateSettings;
import org.eggsfs.gc.migrate.Migrator;
import org.eggsfs.gc.repair.ReplacedBlock;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code migrate}: empties block services by hand (cli.md 2.1). */
@Command(
    name = "migrate",
    description = {
      "Move all blocks off block services, whatever their flags are.",
      "A service that takes new blocks fills up again: set NO_WRITE first. Called again it does",
      "what is left."
    })
final class MigrateCommand extends JobCommand {
  @Option(names = "--id", paramLabel = "ID", description = "This block service.")
  private String id;

  @Option(names = "--failure-domain", paramLabel = "NAME", description = "All of a failure domain.")
  private String failureDomain;

  @Option(names = "--flags", paramLabel = "A|B", description = "All with any of these flags.")
  private String flags;

  @Option(names = "--no-flags", paramLabel = "A|B", description = "But none with one of these.")
  private String noFlags = "0";

  @Option(names = "--file", paramLabel = "PATH|INODE", description = "Only this file.")
  private String file;

  @Option(names = "--shard", paramLabel = "N", description = "Only files of this shard.")
  private Integer shard;

  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask.")
  private boolean yes;

  private final AtomicLong found = new AtomicLong();
  private final AtomicLong done = new AtomicLong();
  private final AtomicLong movedBytes = new AtomicLong();

  @Override
  int job(EggsClient client) throws Exception {
    if (file != null && shard != null) {
      throw new CommandFailure(ExitCodes.USAGE, "--file and --shard do not go together");
    }
    List<Integer> shards = shards(shard);
    List<BlockServiceDeprecatedInfo> services = select(BlockServices.read(client));
    String what = services.stream().map(BlockServices::describe).collect(Collectors.joining("\n"));
    Confirmation.ask(yes, what + "\nmove their blocks away");
    Set<Long> ids =
        services.stream().map(BlockServiceDeprecatedInfo::id).collect(Collectors.toSet());
    try (ProgressLine progress = ProgressLine.start(this::words);
        Migrator migrator = new Migrator(client, MigrateSettings.DEFAULT, new MigrateCounters())) {
      MigrateReport report;
      MigrateListener listener = listener(progress);
      if (file == null) {
        report = migrator.migrate(ids, shards, listener);
      } else {
        report = migrator.migrateFile(FileArgument.file(client, file).id(), ids, listener);
      }
      return report(progress, services, report);
    } catch (InterruptedIOException e) {
      report(Map.of("files", done.get(), "movedBytes", movedBytes.get()), true, List.of());
      return ExitCodes.PARTIAL;
    }
  }

  private List<BlockServiceDeprecatedInfo> select(BlockServices services) throws CommandFailure {
    int unwanted = Tables.flagMask(noFlags);
    List<BlockServiceDeprecatedInfo> selected =
        (flags == null
                ? ServiceSelection.of(id, failureDomain, null).select(services)
                : withFlags(services, unwanted))
            .stream().filter(service -> (service.flags() & unwanted) == 0).toList();
    if (selected.isEmpty()) {
      throw new CommandFailure(
          "no block service "
              + (flags == null ? "of these" : "with flag " + flags)
              + (unwanted == 0 ? "" : " is without " + noFlags));
    }
    return selected;
  }

  private List<BlockServiceDeprecatedInfo> withFlags(BlockServices services, int unwanted)
      throws CommandFailure {
    if (id != null || failureDomain != null) {
      throw new CommandFailure(ExitCodes.USAGE, "give one of --id, --failure-domain and --flags");
    }
    int wanted = Tables.flagMask(flags);
    if ((wanted & unwanted) != 0) {
      throw new CommandFailure(ExitCodes.USAGE, "--flags and --no-flags have a flag in common");
    }
    return services.all().stream().filter(service -> (service.flags() & wanted) != 0).toList();
  }

  private String words() {
    return done.get()
        + " of "
        + found.get()
        + " files found so far, "
        + Units.bytes(movedBytes.get())
        + " moved";
  }

  private MigrateListener listener(ProgressLine progress) {
    return new MigrateListener() {
      @Override
      public void found(long inode) {
        found.incrementAndGet();
      }

      @Override
      public void done(long inode) {
        done.incrementAndGet();
      }

      @Override
      public void moved(ReplacedBlock block) {
        movedBytes.addAndGet(block.old().size());
        if (details && !json) {
          progress.println(out, ScrubReport.of(block));
        }
      }
    };
  }

  private int report(
      ProgressLine progress, List<BlockServiceDeprecatedInfo> services, MigrateReport report) {
    List<String> failures = new ArrayList<>();
    FailureList list = new FailureList();
    report.failed().forEach(list::add);
    failures.addAll(list.kept());
    report
        .unlistedShards()
        .forEach(
            (unlisted, reason) ->
                failures.add("shard " + unlisted + ": " + FailureList.chain(reason)));
    if (json) {
      ObjectNode node = object();
      services.forEach(service -> node.withArray("services").add(MessageJson.hex(service.id())));
      node.put("files", report.files())
          .put("movedBlocks", report.movedBlocks())
          .put("movedBytes", report.movedBytes())
          .put("unlinkedFiles", report.unlinkedFiles());
      failures.forEach(node.putArray("failures")::add);
      print(node);
    } else {
      failures.forEach(failure -> CommandRunner.error(spec.name(), failure));
      progress.println(
          out,
          "%d files, %d blocks, %s moved%s"
              .formatted(
                  report.files(),
                  report.movedBlocks(),
                  Units.bytes(report.movedBytes()),
                  report.unlinkedFiles() == 0
                      ? ""
                      : "; "
                          + report.unlinkedFiles()
                          + " files are not linked, theirs move when they are"));
    }
    if (report.isComplete()) {
      return ExitCodes.OK;
    }
    return report.movedBlocks() == 0 ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }
}
