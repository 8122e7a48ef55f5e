package org.eggsfs.client.metadata;

import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;

/** The requests that say how large their answer may be (client.md section 2.1). */
final class PagedRequests {
  private PagedRequests() {}

  /** The request with its {@code mtu} set, or itself when it has none. */
  static ShardRequest withMtu(ShardRequest request, int mtu) {
    return switch (request) {
      case ReadDirRequest r -> new ReadDirRequest(r.dirId(), r.startHash(), mtu);
      case FullReadDirRequest r ->
          new FullReadDirRequest(
              r.dirId(), r.flags(), r.startName(), r.startTime(), r.limit(), mtu);
      case LocalFileSpansRequest r ->
          new LocalFileSpansRequest(r.fileId(), r.byteOffset(), r.limit(), mtu);
      case FileSpansRequest r -> new FileSpansRequest(r.fileId(), r.byteOffset(), r.limit(), mtu);
      case VisitDirectoriesRequest r -> new VisitDirectoriesRequest(r.beginId(), mtu);
      case VisitFilesRequest r -> new VisitFilesRequest(r.beginId(), mtu);
      case VisitTransientFilesRequest r -> new VisitTransientFilesRequest(r.beginId(), mtu);
      default -> request;
    };
  }

  /**
   * What to ask instead when large answers seem to get lost on the way: the same page in the size
   * that every path carries. The same object when there is nothing to reduce.
   */
  static Message reduced(Message request) {
    return request instanceof ShardRequest shardRequest
        ? withMtu(shardRequest, ProtocolConstants.DEFAULT_UDP_MTU)
        : request;
  }
}
