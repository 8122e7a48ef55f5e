package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedInlineSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code du}: sums the sizes of a tree. */
@Command(name = "du", description = "Sum the sizes of the files of a tree.")
final class DiskUsageCommand extends LookingCommand {
  @Parameters(paramLabel = "PATH", arity = "0..1", description = "Where to start (default /).")
  private String start = "/";

  @Option(names = "--path", paramLabel = "PATH", description = "The same, in TernFS's spelling.")
  private String path;

  @Option(
      names = "--physical",
      description = "What the blocks take on disks too; asks for all spans.")
  private boolean physical;

  @Option(names = "--snapshot", description = "Removed and overwritten files too.")
  private boolean snapshot;

  private final AtomicLong files = new AtomicLong();
  private final AtomicLong directories = new AtomicLong();
  private final AtomicLong symlinks = new AtomicLong();
  private final AtomicLong logicalBytes = new AtomicLong();
  private final AtomicLong physicalBytes = new AtomicLong();

  @Override
  int run(EggsClient client) throws Exception {
    String root = EggsPath.parse(path == null ? start : path);
    try (ProgressLine progress = ProgressLine.start("entries")) {
      TreeWalks.run(
          client,
          root,
          snapshot,
          entry -> {
            // A snapshot edge that owns nothing leads to a file that is counted elsewhere.
            if (entry.owned()) {
              add(client, entry.id());
            }
            progress.addItem();
          });
    }
    if (json) {
      ObjectNode node = object();
      node.put("path", root)
          .put("files", files.get())
          .put("directories", directories.get())
          .put("symlinks", symlinks.get())
          .put("bytes", logicalBytes.get());
      if (physical) {
        node.put("physicalBytes", physicalBytes.get());
      }
      print(node);
      return ExitCodes.OK;
    }
    out.printf(
        "%s: %s (%d bytes) in %d files, %d symlinks, %d directories%n",
        root,
        Units.bytes(logicalBytes.get()),
        logicalBytes.get(),
        files.get(),
        symlinks.get(),
        directories.get());
    if (physical) {
      out.printf(
          "on disks: %s (%d bytes)%n", Units.bytes(physicalBytes.get()), physicalBytes.get());
    }
    return ExitCodes.OK;
  }

  private void add(EggsClient client, long id) throws EggsException, IOException {
    if (InodeIds.isDirectory(id)) {
      directories.incrementAndGet();
      return;
    }
    if (InodeIds.isSymlink(id)) {
      symlinks.incrementAndGet();
      return;
    }
    try {
      StatFileResponse stat = client.shard(InodeIds.shard(id), new StatFileRequest(id));
      files.incrementAndGet();
      logicalBytes.addAndGet(stat.size());
      if (physical) {
        physicalBytes.addAndGet(physicalSize(client, id));
      }
    } catch (EggsException e) {
      if (!Failures.isNotFound(e)) {
        throw e;
      }
    }
  }

  private static long physicalSize(EggsClient client, long id) throws EggsException, IOException {
    long total = 0;
    long offset = 0;
    do {
      FileSpansResponse page =
          client.shard(InodeIds.shard(id), new FileSpansRequest(id, offset, 0, 0));
      for (FetchedFullSpan span : page.spans()) {
        switch (span.body()) {
          case FetchedInlineSpan inline -> total += inline.body().length;
          case FetchedLocations locations -> {
            for (FetchedBlockServices location : locations.locations()) {
              total += location.cellSize() * location.stripes() * Parity.blocks(location.parity());
            }
          }
        }
      }
      offset = page.nextOffset();
    } while (offset != 0);
    return total;
  }
}
