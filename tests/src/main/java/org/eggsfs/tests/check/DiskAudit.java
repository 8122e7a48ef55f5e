package org.eggsfs.tests.check;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import org.eggsfs.protocol.struct.TransientFile;
import org.eggsfs.tests.cluster.Disks;
import org.eggsfs.tests.faults.BlockDamage;
import org.eggsfs.tests.scenario.Failure;

/**
 * Compares the block files on all disks that are not given up with the blocks that files have
 * there, while nothing else runs: each block of a linked file is there with its size, and nothing
 * is there that no file has. Files that are being destroyed may already lack blocks.
 */
public final class DiskAudit {
  private static final int WORKERS = 16;
  private static final int PAGE_BYTES = 4_096;
  private static final int PAGE_WITH_CRC_BYTES = 4_100;

  /** Where a block is to be, how large, and the CRC of its data. */
  private record Placed(long service, long file, long bytes, int crc) {}

  private final EggsClient client;
  private final Map<Long, Disks.Disk> disks;
  private final Map<Long, Placed> linked = new ConcurrentHashMap<>();
  private final Set<Long> unlinked = ConcurrentHashMap.newKeySet();

  private DiskAudit(EggsClient client) throws IOException, EggsException {
    this.client = client;
    this.disks = Disks.all(client);
  }

  /**
   * Compares.
   *
   * @return how many block files there are
   * @throws Failure with the first difference
   */
  public static long check(EggsClient client) throws Exception {
    DiskAudit audit = new DiskAudit(client);
    Parallel.each(
        WORKERS,
        IntStream.range(0, ProtocolConstants.SHARD_COUNT).boxed().toList(),
        audit::readShard);
    return audit.compare();
  }

  private void readShard(int shard) throws IOException, EggsException, Failure {
    long begin = 0;
    do {
      VisitFilesResponse page = client.shard(shard, new VisitFilesRequest(begin, 0));
      for (long id : page.ids()) {
        readFile(id, true);
      }
      begin = page.nextId();
    } while (begin != 0);
    for (TransientFile file : Shards.transientFiles(client, shard)) {
      readFile(file.id(), false);
    }
  }

  private void readFile(long id, boolean isLinked) throws IOException, EggsException, Failure {
    long offset = 0;
    do {
      FileSpansResponse page =
          client.shard(InodeIds.shard(id), new FileSpansRequest(id, offset, 0, 0));
      for (FetchedFullSpan span : page.spans()) {
        if (span.body() instanceof FetchedLocations locations) {
          for (FetchedBlockServices location : locations.locations()) {
            add(id, isLinked, page, location);
          }
        }
      }
      offset = page.nextOffset();
    } while (offset != 0);
  }

  private void add(long id, boolean isLinked, FileSpansResponse page, FetchedBlockServices location)
      throws Failure {
    long bytes = location.cellSize() * location.stripes() / PAGE_BYTES * PAGE_WITH_CRC_BYTES;
    Set<FailureDomain> domains = new HashSet<>();
    for (FetchedBlock block : location.blocks()) {
      if (!isLinked) {
        unlinked.add(block.blockId());
        continue;
      }
      long service = page.blockServices().get(block.blockServiceIx()).id();
      Failure.unless(
          domains.add(disks.get(service).domain()),
          "two blocks of a span of " + InodeIds.format(id) + " are in one failure domain");
      Placed other = linked.put(block.blockId(), new Placed(service, id, bytes, block.crc()));
      Failure.unless(
          other == null,
          "block " + Long.toHexString(block.blockId()) + " belongs to two files or spans");
    }
  }

  private long compare() throws Exception {
    Map<Long, Map<Long, Long>> found = new HashMap<>();
    long count = 0;
    for (Disks.Disk disk : disks.values()) {
      if (!disk.isDecommissioned()) {
        Map<Long, Long> blocks = new HashMap<>();
        for (Path file : blockFiles(disk.path())) {
          long block = blockId(file);
          blocks.put(block, Files.size(file));
          Placed placed = linked.get(block);
          Failure.unless(
              unlinked.contains(block) || placed != null && placed.service() == disk.id(),
              "leaked: no file has the block " + file);
        }
        found.put(disk.id(), blocks);
        count += blocks.size();
      }
    }
    List<String> wrong = new ArrayList<>();
    Set<Long> files = new HashSet<>();
    for (Map.Entry<Long, Placed> block : linked.entrySet()) {
      Placed placed = block.getValue();
      Map<Long, Long> disk = found.get(placed.service());
      Long bytes = disk == null ? null : disk.get(block.getKey());
      if (bytes == null || bytes != placed.bytes()) {
        files.add(placed.file());
        wrong.add(
            "block "
                + Long.toHexString(block.getKey())
                + " of "
                + InodeIds.format(placed.file())
                + (disk == null
                    ? " is on a disk that was given up"
                    : bytes == null ? " is not on its disk" : " has a wrong size"));
      }
    }
    Failure.unless(
        wrong.isEmpty(), wrong.size() + " blocks of " + files.size() + " files: " + first(wrong));
    Parallel.each(
        WORKERS, List.copyOf(linked.entrySet()), one -> checkContent(one.getKey(), one.getValue()));
    return count;
  }

  /** Each page by its own CRC, and all together by that which the shard knows. */
  private void checkContent(long block, Placed placed) throws IOException, Failure {
    Path path = BlockDamage.path(disks.get(placed.service()).path(), block);
    ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
    int all = 0;
    for (int at = 0; at < content.capacity(); at += PAGE_WITH_CRC_BYTES) {
      int page = Crc32c.sum(0, content.array(), at, PAGE_BYTES);
      all = Crc32c.sum(all, content.array(), at, PAGE_BYTES);
      Failure.unlessEqual(content.getInt(at + PAGE_BYTES), page, "CRC of a page of " + path);
    }
    Failure.unlessEqual(placed.crc(), all, "CRC of " + path);
  }

  private static String first(List<String> all) {
    return String.join(", ", all.subList(0, Math.min(3, all.size())));
  }

  /** All files where blocks are on a disk. */
  public static List<Path> blockFiles(Path disk) throws IOException {
    try (Stream<Path> files = Files.walk(disk.resolve("with_crc"))) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  private static long blockId(Path file) throws Failure {
    try {
      return Long.parseUnsignedLong(file.getFileName().toString(), 16);
    } catch (NumberFormatException e) {
      throw new Failure("leaked: " + file + " is no block");
    }
  }
}
