package org.eggsfs.shard.state;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.BlockPolicy;
import org.eggsfs.protocol.struct.BlockPolicyEntry;
import org.eggsfs.protocol.struct.DirectoryInfo;
import org.eggsfs.protocol.struct.DirectoryInfoEntry;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.eggsfs.protocol.struct.SpanPolicy;
import org.eggsfs.protocol.struct.SpanPolicyEntry;
import org.eggsfs.protocol.struct.StripePolicy;

/**
 * Directory policies as far as the shard cares (shard.md section 12): what it refuses to store,
 * since clients would trip over it, and what a new root gets.
 */
final class Policies {
  /** Bytes of an info on the wire; StatDirectory's answer must fit a datagram (wire.md 3.3). */
  static final int ENCODED_SIZE_MAX = 1024;

  private static final int TAG_MAX = 255;
  private static final long SNAPSHOT_LIFE_NANOS = 30L * 24 * 3600 * 1_000_000_000L;
  private static final long RULE_ACTIVE = Long.MIN_VALUE;
  private static final int PARITY_BLOCKS = 4;
  private static final int DATA_BLOCKS_MAX = 10;

  /** Blocks above that many bytes go to HDD; ten of them are the largest span. */
  private static final long FLASH_BLOCK_SIZE_MAX = 610L * ProtocolConstants.PAGE_SIZE;

  private static final long SPAN_SIZE_MAX = 27_484_160;
  private static final long STRIPE_SIZE = 1 << 20;

  private Policies() {}

  /**
   * Refuses an info that clients could not work with.
   *
   * @param complete whether all four known tags must be there, because nothing is inherited
   */
  static void check(DirectoryInfo info, boolean complete) throws EggsException {
    Checks.require(
        info.encodedSize() <= ENCODED_SIZE_MAX
            && isWellFormed(info)
            && (!complete || isComplete(info)),
        ErrorCode.BAD_DIRECTORY_INFO);
  }

  /** Whether all four known tags are there. */
  static boolean isComplete(DirectoryInfo info) {
    int found = 0;
    for (DirectoryInfoEntry entry : info.entries()) {
      switch (entry.tag()) {
        case DirectoryInfoTag.SNAPSHOT,
            DirectoryInfoTag.SPAN,
            DirectoryInfoTag.BLOCK,
            DirectoryInfoTag.STRIPE ->
            found++;
        default -> {
          // Unknown tags are carried, not understood.
        }
      }
    }
    return found == 4;
  }

  private static boolean isWellFormed(DirectoryInfo info) {
    boolean[] seen = new boolean[TAG_MAX + 1];
    for (DirectoryInfoEntry entry : info.entries()) {
      if (seen[entry.tag()] || !isWellFormed(entry)) {
        return false;
      }
      seen[entry.tag()] = true;
    }
    return true;
  }

  private static boolean isWellFormed(DirectoryInfoEntry entry) {
    ByteBuffer in = ByteBuffer.wrap(entry.body()).order(ByteOrder.LITTLE_ENDIAN);
    try {
      return switch (entry.tag()) {
        case DirectoryInfoTag.SNAPSHOT -> {
          SnapshotPolicy.decode(in);
          yield !in.hasRemaining();
        }
        case DirectoryInfoTag.SPAN -> isGood(SpanPolicy.decode(in)) && !in.hasRemaining();
        case DirectoryInfoTag.BLOCK -> isGood(BlockPolicy.decode(in)) && !in.hasRemaining();
        case DirectoryInfoTag.STRIPE ->
            StripePolicy.decode(in).targetStripeSize() > 0 && !in.hasRemaining();
        default -> true;
      };
    } catch (MalformedMessageException e) {
      return false;
    }
  }

  /** Sizes need not rise: a root made by TernFS carries such a policy (W36). */
  private static boolean isGood(SpanPolicy policy) {
    for (SpanPolicyEntry entry : policy.entries()) {
      if (entry.maxSize() == 0
          || entry.maxSize() % ProtocolConstants.PAGE_SIZE != 0
          || entry.maxSize() > ProtocolConstants.MAX_SPAN_SIZE
          || !Parity.isValid(entry.parity())) {
        return false;
      }
    }
    return !policy.entries().isEmpty();
  }

  private static boolean isGood(BlockPolicy policy) {
    long previous = -1;
    for (BlockPolicyEntry entry : policy.entries()) {
      boolean disk =
          entry.storageClass() == StorageClass.HDD || entry.storageClass() == StorageClass.FLASH;
      if (!disk || entry.minSize() <= previous) {
        return false;
      }
      previous = entry.minSize();
    }
    return !policy.entries().isEmpty();
  }

  /**
   * What a new root gets (design: small overhead at every size): the fewest data blocks that need
   * one page per block, four parity blocks always, snapshots for 30 days.
   */
  static DirectoryInfo defaults() {
    List<SpanPolicyEntry> spans = new ArrayList<>();
    for (int d = 1; d < DATA_BLOCKS_MAX; d++) {
      spans.add(
          new SpanPolicyEntry((long) d * ProtocolConstants.PAGE_SIZE, Parity.of(d, PARITY_BLOCKS)));
    }
    spans.add(new SpanPolicyEntry(SPAN_SIZE_MAX, Parity.of(DATA_BLOCKS_MAX, PARITY_BLOCKS)));
    List<BlockPolicyEntry> blocks =
        List.of(
            new BlockPolicyEntry(StorageClass.FLASH, 0),
            new BlockPolicyEntry(StorageClass.HDD, FLASH_BLOCK_SIZE_MAX));
    return new DirectoryInfo(
        List.of(
            entry(
                DirectoryInfoTag.SNAPSHOT,
                new SnapshotPolicy(RULE_ACTIVE | SNAPSHOT_LIFE_NANOS, 0)),
            entry(DirectoryInfoTag.BLOCK, new BlockPolicy(blocks)),
            entry(DirectoryInfoTag.SPAN, new SpanPolicy(spans)),
            entry(DirectoryInfoTag.STRIPE, new StripePolicy(STRIPE_SIZE))));
  }

  private static DirectoryInfoEntry entry(int tag, Message policy) {
    ByteBuffer out = Frames.buffer(policy.encodedSize());
    policy.encode(out);
    return new DirectoryInfoEntry(tag, out.array());
  }
}
