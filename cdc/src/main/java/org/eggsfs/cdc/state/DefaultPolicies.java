package org.eggsfs.cdc.state;

import java.util.List;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
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
 * Complete policies for a directory that leaves the tree without ever having been in use, or whose
 * ancestors do not define all of them (cdc.md sections 6.1, 6.3). Only the snapshot policy can
 * matter there: nothing is written into such a directory any more.
 */
final class DefaultPolicies {
  private static final long RULE_ACTIVE = Long.MIN_VALUE;
  private static final long SNAPSHOT_LIFE_NANOS = 30L * 24 * 3600 * 1_000_000_000L;
  private static final long SPAN_SIZE_MAX = 27_484_160;
  private static final long STRIPE_SIZE = 1 << 20;

  /** The tags that a directory outside the tree needs, as it inherits nothing. */
  static final List<Integer> TAGS =
      List.of(
          DirectoryInfoTag.SNAPSHOT,
          DirectoryInfoTag.SPAN,
          DirectoryInfoTag.BLOCK,
          DirectoryInfoTag.STRIPE);

  static final DirectoryInfo INFO =
      new DirectoryInfo(
          List.of(
              entry(
                  DirectoryInfoTag.SNAPSHOT,
                  new SnapshotPolicy(RULE_ACTIVE | SNAPSHOT_LIFE_NANOS, 0)),
              entry(
                  DirectoryInfoTag.SPAN,
                  new SpanPolicy(List.of(new SpanPolicyEntry(SPAN_SIZE_MAX, Parity.of(10, 4))))),
              entry(
                  DirectoryInfoTag.BLOCK,
                  new BlockPolicy(List.of(new BlockPolicyEntry(StorageClass.HDD, 0)))),
              entry(DirectoryInfoTag.STRIPE, new StripePolicy(STRIPE_SIZE))));

  private DefaultPolicies() {}

  private static DirectoryInfoEntry entry(int tag, Message policy) {
    java.nio.ByteBuffer out = Frames.buffer(policy.encodedSize());
    policy.encode(out);
    return new DirectoryInfoEntry(tag, out.array());
  }

  /** The default of one tag. */
  static DirectoryInfoEntry of(int tag) {
    return INFO.entries().stream().filter(entry -> entry.tag() == tag).findFirst().orElseThrow();
  }
}
