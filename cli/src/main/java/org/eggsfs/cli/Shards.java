package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;

/** Listings of whole shards, page by page. */
final class Shards {
  private Shards() {}

  /** What is done with each id. */
  interface Visitor {
    /** One id; returning false ends the listing. */
    boolean visit(long id) throws EggsException, IOException;
  }

  /** The numbers of all shards. */
  static List<Integer> all() {
    return IntStream.range(0, ProtocolConstants.SHARD_COUNT).boxed().toList();
  }

  /** Linked files and symlinks, also those that only snapshots own. */
  static void visitFiles(EggsClient client, int shard, Visitor visitor)
      throws EggsException, IOException {
    long begin = 0;
    do {
      VisitFilesResponse page = client.shard(shard, new VisitFilesRequest(begin, 0));
      if (!visit(page.ids(), visitor)) {
        return;
      }
      begin = next(begin, page.nextId());
    } while (begin != 0);
  }

  /** Directories, removed ones included. */
  static void visitDirectories(EggsClient client, int shard, Visitor visitor)
      throws EggsException, IOException {
    long begin = 0;
    do {
      VisitDirectoriesResponse page = client.shard(shard, new VisitDirectoriesRequest(begin, 0));
      if (!visit(page.ids(), visitor)) {
        return;
      }
      begin = next(begin, page.nextId());
    } while (begin != 0);
  }

  /** Files of a shard, transient ones included, with a block on a block service. */
  static void visitFilesOfService(EggsClient client, int shard, long service, Visitor visitor)
      throws EggsException, IOException {
    long start = 0;
    while (true) {
      BlockServiceFilesResponse page =
          client.shard(shard, new BlockServiceFilesRequest(service, start));
      if (page.fileIds().length == 0 || !visit(page.fileIds(), visitor)) {
        return;
      }
      start = next(start, page.fileIds()[page.fileIds().length - 1] + 1);
    }
  }

  private static boolean visit(long[] ids, Visitor visitor) throws EggsException, IOException {
    for (long id : ids) {
      if (!visitor.visit(id)) {
        return false;
      }
    }
    return true;
  }

  private static long next(long before, long next) throws EggsException {
    if (next != 0 && Long.compareUnsigned(next, before) <= 0) {
      throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "listing of a shard goes backwards");
    }
    return next;
  }
}
