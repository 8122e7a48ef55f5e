package org.eggsfs.shard.state;

import java.util.List;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.SwapBlocksRequest;
import org.eggsfs.protocol.struct.FailureDomain;

/** What a log entry does: a request and everything that prepare decided (shard.md section 10b). */
sealed interface Operation {
  /** The kind number of the request that caused it. */
  int kind();

  /**
   * A request that needs at most a deadline.
   *
   * @param deadline of the transient file that the request makes or touches; 0 when unused
   */
  record Plain(ShardRequest request, long deadline) implements Operation {
    @Override
    public int kind() {
      return request.kind();
    }
  }

  /** Any of the three requests that add a span of blocks. CRCs of cells are already combined. */
  record AddSpan(
      int kind,
      long deadline,
      long fileId,
      long byteOffset,
      long size,
      int crc,
      int locationId,
      int storageClass,
      int parity,
      int stripes,
      long cellSize,
      long[] services,
      int[] blockCrcs,
      int[] stripeCrcs)
      implements Operation {}

  /**
   * AddSpanCertify, RemoveSpanCertify or CommitFile with the verdicts on its proofs.
   *
   * @param services the service that the leader saw for each judged block
   * @param blocks the id of each judged block
   * @param verdicts {@link Proofs#OK} and so on, one per judged block
   */
  record Certify(
      ShardRequest request, long deadline, long[] services, long[] blocks, byte[] verdicts)
      implements Operation {
    @Override
    public int kind() {
      return request.kind();
    }
  }

  /**
   * SwapBlocks with the failure domains of all services that the leader saw in both locations.
   *
   * @param services ids
   * @param failureDomains domain of each
   */
  record SwapBlocks(SwapBlocksRequest request, long[] services, List<FailureDomain> failureDomains)
      implements Operation {
    @Override
    public int kind() {
      return request.kind();
    }
  }
}
