package org.eggsfs.shard.state;

import java.util.List;
import org.eggsfs.core.Certificates;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.struct.BlockProof;

/**
 * Proofs of block services (shard.md sections 4.5, 11.2). Whether a proof is right depends on the
 * block service cache, which replicas do not share; so the leader judges at prepare, against the
 * span it sees, and apply accepts the verdict only if the span still has those blocks.
 */
final class Proofs {
  /** The proof is for that block and right. */
  static final byte OK = 1;

  /** The proof is for another block or wrong. */
  static final byte BAD = 0;

  /** The leader did not know the block service, so nobody could tell. */
  static final byte UNKNOWN_SERVICE = 2;

  private Proofs() {}

  /** Which proof is asked for. */
  enum Kind {
    WRITE,
    ERASE
  }

  /** Judges the proofs against the span, which is null when prepare saw none. */
  static Operation judge(
      ShardRequest request,
      long deadline,
      List<BlockProof> proofs,
      Span span,
      Kind kind,
      BlockServices blockServices) {
    int count = 0;
    if (span != null) {
      for (Span.Location location : span.locations()) {
        count += location.count();
      }
    }
    int judged = Math.min(count, proofs.size());
    long[] services = new long[judged];
    long[] blocks = new long[judged];
    byte[] verdicts = new byte[judged];
    int i = 0;
    for (Span.Location location : span == null ? List.<Span.Location>of() : span.locations()) {
      for (int b = 0; b < location.count() && i < judged; b++, i++) {
        services[i] = location.services()[b];
        blocks[i] = location.blocks()[b];
        verdicts[i] = verdict(services[i], blocks[i], proofs.get(i), kind, blockServices);
      }
    }
    return new Operation.Certify(request, deadline, services, blocks, verdicts);
  }

  private static byte verdict(
      long service, long block, BlockProof proof, Kind kind, BlockServices blockServices) {
    if (proof.blockId() != block) {
      return BAD;
    }
    BlockServices.Service info = blockServices.get(service);
    if (info == null) {
      return UNKNOWN_SERVICE;
    }
    long expected =
        kind == Kind.WRITE
            ? Certificates.writeProof(info.key(), service, block)
            : Certificates.eraseProof(info.key(), service, block);
    return proof.proof() == expected ? OK : BAD;
  }

  /**
   * Accepts the proofs for one location.
   *
   * @param first index of the location's first proof
   */
  static void require(
      Operation.Certify certify, List<BlockProof> proofs, int first, Span.Location location)
      throws EggsException {
    for (int b = 0; b < location.count(); b++) {
      int i = first + b;
      boolean good =
          proofs.get(i).blockId() == location.blocks()[b]
              && i < certify.verdicts().length
              && certify.services()[i] == location.services()[b]
              && certify.blocks()[i] == location.blocks()[b]
              && certify.verdicts()[i] == OK;
      Checks.require(good, ErrorCode.BAD_BLOCK_PROOF);
    }
  }
}
