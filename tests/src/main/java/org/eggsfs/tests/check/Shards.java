package org.eggsfs.tests.check;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.struct.TransientFile;

/** What shards list, whole. */
public final class Shards {
  private Shards() {}

  /** All files of a shard that have no name. */
  static List<TransientFile> transientFiles(EggsClient client, int shard)
      throws IOException, EggsException {
    List<TransientFile> files = new ArrayList<>();
    long begin = 0;
    do {
      VisitTransientFilesResponse page =
          client.shard(shard, new VisitTransientFilesRequest(begin, 0));
      files.addAll(page.files());
      begin = page.nextId();
    } while (begin != 0);
    return files;
  }

  /** All directories of a shard, also removed ones. */
  public static List<Long> directories(EggsClient client, int shard)
      throws IOException, EggsException {
    List<Long> directories = new ArrayList<>();
    long begin = 0;
    do {
      VisitDirectoriesResponse page = client.shard(shard, new VisitDirectoriesRequest(begin, 0));
      for (long id : page.ids()) {
        directories.add(id);
      }
      begin = page.nextId();
    } while (begin != 0);
    return directories;
  }

  /** Whether some file, with a name or not, has a block on a block service. */
  public static boolean hasFiles(EggsClient client, long service)
      throws IOException, EggsException {
    for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
      BlockServiceFilesResponse page =
          client.shard(shard, new BlockServiceFilesRequest(service, 0));
      if (page.fileIds().length > 0) {
        return true;
      }
    }
    return false;
  }
}
