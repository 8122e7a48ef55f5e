package org.eggsfs.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.BlockPolicy;
import org.eggsfs.protocol.struct.BlockPolicyEntry;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.eggsfs.protocol.struct.SpanPolicy;
import org.eggsfs.protocol.struct.SpanPolicyEntry;
import org.eggsfs.protocol.struct.StripePolicy;

/**
 * The policies that hold in a directory, its own and the inherited ones (client.md section 5).
 *
 * @param snapshot when snapshots are deleted
 * @param span sizes of spans and their parities
 * @param block storage classes of blocks
 * @param stripe size of stripes
 * @param sources for each tag the directory it was found in
 */
public record DirectoryPolicies(
    SnapshotPolicy snapshot,
    SpanPolicy span,
    BlockPolicy block,
    StripePolicy stripe,
    Map<Integer, Long> sources) {

  /** A tag's body and where it was found. */
  record Found(byte[] body, long source) {}

  /** Decodes the bodies; all four tags must be there. */
  static DirectoryPolicies decode(Map<Integer, Found> found) throws EggsException {
    try {
      Map<Integer, Long> sources = new HashMap<>();
      found.forEach((tag, f) -> sources.put(tag, f.source()));
      DirectoryPolicies policies =
          new DirectoryPolicies(
              SnapshotPolicy.decode(body(found, DirectoryInfoTag.SNAPSHOT)),
              SpanPolicy.decode(body(found, DirectoryInfoTag.SPAN)),
              BlockPolicy.decode(body(found, DirectoryInfoTag.BLOCK)),
              StripePolicy.decode(body(found, DirectoryInfoTag.STRIPE)),
              Map.copyOf(sources));
      policies.check();
      return policies;
    } catch (MalformedMessageException e) {
      throw new EggsException(ErrorCode.BAD_DIRECTORY_INFO, "policies: " + e.getMessage());
    }
  }

  private static ByteBuffer body(Map<Integer, Found> found, int tag) throws EggsException {
    Found f = found.get(tag);
    if (f == null) {
      throw new EggsException(
          ErrorCode.BAD_DIRECTORY_INFO,
          "no " + DirectoryInfoTag.name(tag) + " policy up to the root");
    }
    return ByteBuffer.wrap(f.body()).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A writer relies on these; a directory may carry anything. */
  private void check() throws EggsException {
    List<SpanPolicyEntry> spans = span.entries();
    boolean good = !spans.isEmpty() && !block.entries().isEmpty() && stripe.targetStripeSize() > 0;
    if (good) {
      long spanSizeMax = spans.getLast().maxSize();
      good =
          spanSizeMax > 0
              && spanSizeMax % ProtocolConstants.PAGE_SIZE == 0
              && spanSizeMax <= ProtocolConstants.MAX_SPAN_SIZE
              && spans.stream().allMatch(entry -> Parity.isValid(entry.parity()));
    }
    if (!good) {
      throw new EggsException(ErrorCode.BAD_DIRECTORY_INFO, "policies no file can be written with");
    }
  }

  /**
   * The layout that a writer gives a span of that many bytes, more than fit into the metadata.
   *
   * @throws IllegalArgumentException if the policies allow no such span
   */
  public SpanLayout layoutOf(long spanSize) {
    return SpanLayout.choose(spanSize, spanChoice(), blockChoice(), stripe.targetStripeSize());
  }

  /** The span policy in the form of the layout arithmetic. */
  SpanLayout.SpanPolicy spanChoice() {
    return new SpanLayout.SpanPolicy(
        span.entries().stream().mapToLong(SpanPolicyEntry::maxSize).toArray(),
        span.entries().stream().mapToInt(SpanPolicyEntry::parity).toArray());
  }

  /** The block policy in the form of the layout arithmetic. */
  SpanLayout.BlockPolicy blockChoice() {
    return new SpanLayout.BlockPolicy(
        block.entries().stream().mapToInt(BlockPolicyEntry::storageClass).toArray(),
        block.entries().stream().mapToLong(BlockPolicyEntry::minSize).toArray());
  }
}
