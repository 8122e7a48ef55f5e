package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.Certificates;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateResponse;
import org.eggsfs.protocol.shard.AddSpanInitiateResponse;
import org.eggsfs.protocol.shard.AddSpanInitiateWithReferenceResponse;
import org.eggsfs.protocol.shard.RemoveSpanInitiateResponse;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.struct.AddSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.AddSpanInitiateResponseBody;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.IpPort;
import org.eggsfs.protocol.struct.RemoveSpanInitiateBlockInfo;

/**
 * Puts into answers what only the answering replica's block service cache knows (shard.md sections
 * 4.5, 6.1). A service that the cache lacks is shown as unreachable and dead (W15), so that readers
 * reconstruct from the other blocks; it has no certificate.
 */
final class Finish {
  private static final AddrsInfo NO_ADDRS = new AddrsInfo(new IpPort(0, 0), new IpPort(0, 0));
  private static final FailureDomain NO_DOMAIN = new FailureDomain(new byte[16]);
  private static final int UNKNOWN_FLAGS =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_READ | BlockServiceFlags.NO_WRITE;

  private Finish() {}

  /** How a listing shows a service. */
  static BlockService describe(long id, BlockServices blockServices) {
    BlockServices.Service info = blockServices.get(id);
    return info == null
        ? new BlockService(NO_ADDRS, id, UNKNOWN_FLAGS)
        : new BlockService(info.addrs(), id, info.flags());
  }

  static ShardResponse run(ApplyResult result, BlockServices blockServices) {
    HandedOutBlocks blocks = result.blocks();
    return switch (result.response()) {
      case AddSpanInitiateResponse _ -> new AddSpanInitiateResponse(toWrite(blocks, blockServices));
      case AddSpanInitiateWithReferenceResponse _ ->
          new AddSpanInitiateWithReferenceResponse(
              new AddSpanInitiateResponseBody(toWrite(blocks, blockServices)));
      case AddSpanAtLocationInitiateResponse _ ->
          new AddSpanAtLocationInitiateResponse(
              new AddSpanInitiateResponseBody(toWrite(blocks, blockServices)));
      case RemoveSpanInitiateResponse response ->
          new RemoveSpanInitiateResponse(response.byteOffset(), toErase(blocks, blockServices));
      default -> throw new IllegalStateException("no blocks belong into " + result.response());
    };
  }

  private static List<AddSpanInitiateBlockInfo> toWrite(
      HandedOutBlocks blocks, BlockServices blockServices) {
    List<AddSpanInitiateBlockInfo> infos = new ArrayList<>(blocks.blocks().length);
    for (int i = 0; i < blocks.blocks().length; i++) {
      long service = blocks.services()[i];
      long block = blocks.blocks()[i];
      BlockServices.Service info = blockServices.get(service);
      infos.add(
          info == null
              ? new AddSpanInitiateBlockInfo(NO_ADDRS, service, NO_DOMAIN, block, 0)
              : new AddSpanInitiateBlockInfo(
                  info.addrs(),
                  service,
                  info.failureDomain(),
                  block,
                  Certificates.writeCertificate(
                      info.key(), service, block, blocks.crcs()[i], blocks.sizes()[i])));
    }
    return infos;
  }

  private static List<RemoveSpanInitiateBlockInfo> toErase(
      HandedOutBlocks blocks, BlockServices blockServices) {
    List<RemoveSpanInitiateBlockInfo> infos = new ArrayList<>(blocks.blocks().length);
    for (int i = 0; i < blocks.blocks().length; i++) {
      long service = blocks.services()[i];
      long block = blocks.blocks()[i];
      BlockServices.Service info = blockServices.get(service);
      infos.add(
          info == null
              ? new RemoveSpanInitiateBlockInfo(
                  NO_ADDRS, service, NO_DOMAIN, UNKNOWN_FLAGS, block, 0)
              : new RemoveSpanInitiateBlockInfo(
                  info.addrs(),
                  service,
                  info.failureDomain(),
                  info.flags(),
                  block,
                  Certificates.eraseCertificate(info.key(), service, block)));
    }
    return infos;
  }
}
