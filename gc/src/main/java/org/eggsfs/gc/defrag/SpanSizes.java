package org.eggsfs.gc.defrag;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.DirectoryPolicies;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.gc.repair.SpanPages;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.SpanPolicyEntry;

/**
 * How a file is cut into spans, and whether a policy would cut it so: none is larger than the
 * policy's largest span, and none but the last is smaller (gc.md section 9).
 *
 * @param size of the file in bytes
 * @param spans how many
 * @param crc CRC-32C of all bytes, from the spans' CRCs
 * @param fits whether the policy would cut it so
 * @param hasGaps whether zeros at the end of a span are stored nowhere; a copy would store them
 * @param hasOtherLocations whether there are copies at several or other locations, which a copy
 *     would not have
 */
record SpanSizes(
    long size, long spans, int crc, boolean fits, boolean hasGaps, boolean hasOtherLocations) {

  /**
   * Reads the list of spans, a page at a time.
   *
   * @throws EggsException FILE_NOT_FOUND if there is no such file
   */
  static SpanSizes of(ShardCaller shards, long file, DirectoryPolicies policies)
      throws EggsException, IOException {
    long sizeMax = sizeMax(policies);
    long size = 0;
    long count = 0;
    int crc = 0;
    boolean fits = true;
    boolean gaps = false;
    boolean locations = false;
    long last = sizeMax;
    SpanPages pages = new SpanPages(shards, file);
    for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
      for (StoredSpan span : spans) {
        if (span.offset() != size) {
          throw new EggsException(
              ErrorCode.MALFORMED_RESPONSE, "list of spans has a hole at " + size);
        }
        fits &= last == sizeMax && span.size() <= sizeMax;
        gaps |= hasGap(span);
        locations |= hasOtherLocations(span);
        crc = Crc32c.append(crc, span.crc(), span.size());
        size += span.size();
        last = span.size();
        count++;
      }
    }
    return new SpanSizes(size, count, crc, fits, gaps, locations);
  }

  /** The size of all spans but the last under these policies. */
  static long sizeMax(DirectoryPolicies policies) {
    long max = 0;
    for (SpanPolicyEntry entry : policies.span().entries()) {
      max = entry.maxSize();
    }
    return max;
  }

  /** How many spans the policy would make of the file. */
  long spansUnder(DirectoryPolicies policies) {
    return Math.ceilDiv(size, sizeMax(policies));
  }

  private static boolean hasGap(StoredSpan span) {
    if (span.isInline()) {
      return span.size() > SpanLayout.INLINE_MAX;
    }
    return span.copies().stream().anyMatch(copy -> span.size() > copy.layout().capacity());
  }

  private static boolean hasOtherLocations(StoredSpan span) {
    return span.copies().size() > 1
        || !span.isInline()
            && span.copies().getFirst().locationId() != ProtocolConstants.DEFAULT_LOCATION;
  }
}
