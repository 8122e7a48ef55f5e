package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code find}: walks a tree and prints what matches. */
@Command(
    name = "find",
    description = "Walk a tree in parallel and print the inode and path of what matches.")
final class FindCommand extends LookingCommand {
  @Parameters(paramLabel = "PATH", arity = "0..1", description = "Where to start (default /).")
  private String start = "/";

  @Option(names = "--path", paramLabel = "PATH", description = "The same, in TernFS's spelling.")
  private String path;

  @Option(names = "--name", paramLabel = "REGEX", description = "Names in which REGEX is found.")
  private String name;

  @Option(
      names = "--type",
      paramLabel = "f|d|l",
      description = "Only files, directories or symlinks.")
  private String type;

  @Option(names = "--snapshot", description = "Removed and overwritten entries too.")
  private boolean snapshot;

  @Option(names = "--only-snapshot", description = "Only removed and overwritten entries.")
  private boolean onlySnapshot;

  @Option(names = "--only-owned", description = "Only edges that own their target.")
  private boolean onlyOwned;

  @Option(
      names = "--before",
      paramLabel = "DUR|TIME",
      description = "Only what was named at least DUR ago or before an RFC 3339 time.")
  private String before;

  @Option(names = "--min-size", paramLabel = "BYTES", description = "Only files at least so big.")
  private long minSize;

  @Option(names = "--block-id", paramLabel = "ID", description = "Only the file with this block.")
  private String blockId;

  @Option(
      names = "--check-blocks",
      description = "Let the servers check each block of what matches; print errors.")
  private boolean checkBlocks;

  private final AtomicLong badBlocks = new AtomicLong();
  private Pattern pattern;
  private long beforeNanos;
  private long block;

  private BlockServices services;

  @Override
  int run(EggsClient client) throws Exception {
    services = BlockServices.read(client);
    String root = EggsPath.parse(path == null ? start : path);
    try {
      pattern = name == null ? null : Pattern.compile(name);
    } catch (PatternSyntaxException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--name: " + e.getMessage());
    }
    if (type != null && !type.matches("[fdl]")) {
      throw new CommandFailure(ExitCodes.USAGE, "--type is f, d or l");
    }
    beforeNanos = before == null ? 0 : Numbers.moment("--before", before, Instant.now());
    block = blockId == null ? 0 : Numbers.id("--block-id", blockId);
    TreeWalks.run(
        client,
        root,
        snapshot || onlySnapshot,
        out,
        entry -> {
          if (matches(client, entry)) {
            show(entry);
            if (checkBlocks) {
              checkBlocks(client, entry);
            }
          }
        });
    return badBlocks.get() == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private boolean matches(EggsClient client, WalkedEntry entry) throws EggsException, IOException {
    return (pattern == null || pattern.matcher(entry.name()).find())
        && (type == null || matchesType(entry.id()))
        && !(onlySnapshot && entry.current())
        && !(onlyOwned && !entry.owned())
        && (before == null || Long.compareUnsigned(entry.creationTime(), beforeNanos) <= 0)
        && (minSize == 0 || isBigEnough(client, entry.id()))
        && (block == 0 || hasBlock(client, entry.id()));
  }

  private boolean matchesType(long id) {
    return switch (type) {
      case "f" -> InodeIds.isFile(id);
      case "d" -> InodeIds.isDirectory(id);
      default -> InodeIds.isSymlink(id);
    };
  }

  private boolean isBigEnough(EggsClient client, long id) throws EggsException, IOException {
    if (!InodeIds.isFile(id)) {
      return false;
    }
    try {
      StatFileResponse stat = client.shard(InodeIds.shard(id), new StatFileRequest(id));
      return Long.compareUnsigned(stat.size(), minSize) >= 0;
    } catch (EggsException e) {
      if (Failures.isNotFound(e)) {
        return false;
      }
      throw e;
    }
  }

  private boolean hasBlock(EggsClient client, long id) throws EggsException, IOException {
    boolean[] found = {false};
    visitSpans(
        client,
        id,
        span -> {
          found[0] |=
              span.copies().stream()
                  .flatMap(copy -> copy.blocks().stream())
                  .anyMatch(stored -> stored.id() == block);
          return !found[0];
        });
    return found[0];
  }

  private void checkBlocks(EggsClient client, WalkedEntry entry) throws EggsException, IOException {
    visitSpans(
        client,
        entry.id(),
        span -> {
          for (StoredSpan.Copy copy : span.copies()) {
            for (String problem : Health.of(client, services, span, copy, true).problems()) {
              badBlocks.incrementAndGet();
              CommandRunner.error("find", entry.path() + ": " + problem);
            }
          }
          return true;
        });
  }

  /** A file that has vanished has no spans. */
  private static void visitSpans(EggsClient client, long id, StoredSpan.Visitor visitor)
      throws EggsException, IOException {
    if (!InodeIds.isFile(id)) {
      return;
    }
    try {
      StoredSpan.visit(client, id, visitor);
    } catch (EggsException e) {
      if (!Failures.isNotFound(e)) {
        throw e;
      }
    }
  }

  /** Called from many threads; a line stays a line. */
  private void show(WalkedEntry entry) {
    String line;
    if (json) {
      // One object per line: a tree does not fit into memory.
      ObjectNode node = object();
      EggsPath.put(node, "path", entry.path());
      Attributes.putIds(node, entry.id(), entry.creationTime());
      node.put("current", entry.current()).put("owned", entry.owned());
      line = node.toString();
    } else {
      line = InodeIds.format(entry.id()) + " " + EggsPath.shown(entry.path());
    }
    out.println(line);
  }
}
