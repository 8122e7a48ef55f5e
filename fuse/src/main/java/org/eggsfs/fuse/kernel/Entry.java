package org.eggsfs.fuse.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What a name leads to ({@code fuse_entry_out}). Each answer that carries one counts as one lookup
 * of the node, which a FORGET takes back later.
 *
 * @param node the node; 0 with a lifetime means that the name does not exist, for that long
 * @param entryNanos how long the kernel may believe the name
 * @param attributeNanos how long the kernel may believe the attributes
 * @param attributes null only for node 0
 */
public record Entry(long node, long entryNanos, long attributeNanos, Attributes attributes) {
  private static final long NANOS = 1_000_000_000L;

  /** The name does not exist, which may be believed for that long. */
  public static Entry negative(long entryNanos) {
    return new Entry(0, entryNanos, 0, null);
  }

  /** The same with another lifetime of the name. */
  public Entry withEntryNanos(long nanos) {
    return new Entry(node, nanos, attributeNanos, attributes);
  }

  /** The same for the kernel to hear later: its attributes are that much older then. */
  public Entry aged(long nanos) {
    return new Entry(node, entryNanos, Math.max(0, attributeNanos - nanos), attributes);
  }

  void put(MemorySegment out, long at) {
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at, node);
    // 8: generation, always 0: ids are never used twice.
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 16, entryNanos / NANOS);
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 24, attributeNanos / NANOS);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 32, (int) (entryNanos % NANOS));
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 36, (int) (attributeNanos % NANOS));
    if (attributes != null) {
      attributes.put(out, at + 40);
    }
  }
}
