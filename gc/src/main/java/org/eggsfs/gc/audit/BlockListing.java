package org.eggsfs.gc.audit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.blocks.ListBlocksResponse;
import org.eggsfs.protocol.struct.BlockFile;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;

/**
 * The block files of a block service at one time, in 16 bytes each, by the directory they are in.
 */
final class BlockListing {
  static final int DIRECTORIES = 256;

  /** Not there. */
  static final long NONE = -1;

  /** Ids with the top bit flipped, so that their unsigned order is that of Java; ascending. */
  private final long[][] ids = new long[DIRECTORIES][];

  private final long[][] sizes = new long[DIRECTORIES][];

  private final List<BlockFile> misplaced = new ArrayList<>();

  /** Numbers of each directory's first block. */
  private final int[] starts = new int[DIRECTORIES + 1];

  private BlockListing() {}

  /** Lists all files with smaller ids. */
  static BlockListing read(
      EggsClient client, BlockServiceDeprecatedInfo service, long createdBefore)
      throws EggsException, IOException {
    BlockListing listing = new BlockListing();
    for (int directory = 0; directory < DIRECTORIES; directory++) {
      listing.readDirectory(client, service, directory, createdBefore);
    }
    return listing;
  }

  private void readDirectory(
      EggsClient client, BlockServiceDeprecatedInfo service, int directory, long createdBefore)
      throws EggsException, IOException {
    long[] found = new long[0];
    long[] foundSizes = new long[0];
    int used = 0;
    long next = 0;
    do {
      ListBlocksResponse page =
          client.blocks().list(service.addrs(), service.id(), directory, next, createdBefore);
      if (page.nextBlock() != 0 && Long.compareUnsigned(page.nextBlock(), next) <= 0) {
        throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "list of blocks goes backwards");
      }
      int needed = used + page.blocks().size();
      if (needed > found.length) {
        int room = Math.max(needed, 2 * found.length);
        found = Arrays.copyOf(found, room);
        foundSizes = Arrays.copyOf(foundSizes, room);
      }
      for (BlockFile file : page.blocks()) {
        if (BlockPaths.subDirectory(file.blockId()) == directory) {
          found[used] = file.blockId() ^ Long.MIN_VALUE;
          foundSizes[used] = file.fileSize();
          used++;
        } else {
          misplaced.add(file);
        }
      }
      next = page.nextBlock();
    } while (next != 0);
    ids[directory] = Arrays.copyOf(found, used);
    sizes[directory] = Arrays.copyOf(foundSizes, used);
    starts[directory + 1] = Math.addExact(starts[directory], used);
  }

  /** The size that a block's file has now, or {@link #NONE}. */
  static long sizeNow(EggsClient client, BlockServiceDeprecatedInfo service, long blockId)
      throws EggsException, IOException {
    ListBlocksResponse page =
        client
            .blocks()
            .list(
                service.addrs(),
                service.id(),
                BlockPaths.subDirectory(blockId),
                blockId,
                blockId + 1);
    return page.blocks().isEmpty() ? NONE : page.blocks().getFirst().fileSize();
  }

  /** Files where a block belongs. */
  long count() {
    return starts[DIRECTORIES];
  }

  /** Files in a directory where their block does not belong, so that it is not found. */
  List<BlockFile> misplaced() {
    return misplaced;
  }

  /** Size of a block's file, or {@link #NONE}. */
  long size(long blockId) {
    int directory = BlockPaths.subDirectory(blockId);
    int at = Arrays.binarySearch(ids[directory], blockId ^ Long.MIN_VALUE);
    return at < 0 ? NONE : sizes[directory][at];
  }

  /** A number for each listed block below {@link #count}, or negative. */
  int number(long blockId) {
    int directory = BlockPaths.subDirectory(blockId);
    int at = Arrays.binarySearch(ids[directory], blockId ^ Long.MIN_VALUE);
    return at < 0 ? -1 : starts[directory] + at;
  }

  /** The block of a number. */
  long block(int number) {
    int directory = 0;
    while (number >= starts[directory + 1]) {
      directory++;
    }
    return ids[directory][number - starts[directory]] ^ Long.MIN_VALUE;
  }
}
