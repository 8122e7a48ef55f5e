package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.StringJoiner;
import org.eggsfs.client.DirectoryPolicies;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.struct.BlockPolicyEntry;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import org.eggsfs.protocol.struct.SpanPolicyEntry;

/**
 * Facts about an inode as read-only extended attributes, in words (docs/mount.md). They are found
 * by name and not listed, so that programs which copy all listed attributes do not try to.
 */
final class ExtendedAttributes {
  private static final String PREFIX = "eggsfs.";
  private static final String POLICY = PREFIX + "policy.";

  /** The kernel takes 64 KiB. */
  private static final int TEXT_LENGTH_MAX = 60_000;

  private static final long TIME_ACTIVE = Long.MIN_VALUE;
  private static final int VERSIONS_ACTIVE = 1 << 15;
  private static final double HOUR_NANOS = 3.6e12;

  private final EggsClient client;

  ExtendedAttributes(EggsClient client) {
    this.client = client;
  }

  /** Whether the name is one of ours. */
  static boolean isOurs(String name) {
    return name.startsWith(PREFIX);
  }

  /** The value. */
  byte[] value(String name, long inode, long directory) throws EggsException, IOException {
    String text =
        switch (name) {
          case PREFIX + "inode" -> InodeIds.format(inode);
          case PREFIX + "shard" -> Integer.toString(InodeIds.shard(inode));
          case PREFIX + "spans" -> spans(inode);
          case POLICY + "snapshot" -> snapshot(policies(inode, directory));
          case POLICY + "span" -> span(policies(inode, directory));
          case POLICY + "block" -> block(policies(inode, directory));
          case POLICY + "stripe" ->
              Long.toString(policies(inode, directory).stripe().targetStripeSize());
          default -> throw new ErrnoException(Errno.ENODATA, name);
        };
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private DirectoryPolicies policies(long inode, long directory) throws EggsException, IOException {
    return client.inodes().policies(InodeIds.isDirectory(inode) ? inode : directory);
  }

  private static String snapshot(DirectoryPolicies policies) {
    long time = policies.snapshot().deleteAfterTime();
    int versions = policies.snapshot().deleteAfterVersions();
    StringJoiner text = new StringJoiner(", ");
    if ((time & TIME_ACTIVE) != 0) {
      text.add(
          String.format(Locale.ROOT, "deleted after %.1f h", (time & ~TIME_ACTIVE) / HOUR_NANOS));
    }
    if ((versions & VERSIONS_ACTIVE) != 0) {
      text.add("deleted beyond " + (versions & ~VERSIONS_ACTIVE) + " versions");
    }
    return text.length() == 0 ? "kept" : text.toString();
  }

  private static String span(DirectoryPolicies policies) {
    StringJoiner text = new StringJoiner(" ");
    for (SpanPolicyEntry entry : policies.span().entries()) {
      text.add("<=" + entry.maxSize() + ":" + Parity.format(entry.parity()));
    }
    return text.toString();
  }

  private static String block(DirectoryPolicies policies) {
    StringJoiner text = new StringJoiner(" ");
    for (BlockPolicyEntry entry : policies.block().entries()) {
      text.add(">=" + entry.minSize() + ":" + StorageClass.name(entry.storageClass()));
    }
    return text.toString();
  }

  /** One line a span: offset, size, class, parity, stripes, cell size. */
  private String spans(long inode) throws EggsException, IOException {
    if (!InodeIds.isFile(inode)) {
      throw new ErrnoException(Errno.ENODATA, "not a file");
    }
    StringBuilder text = new StringBuilder();
    long offset = 0;
    do {
      FileSpansResponse page =
          client.shard(InodeIds.shard(inode), new FileSpansRequest(inode, offset, 0, 0));
      for (FetchedFullSpan span : page.spans()) {
        text.append(span.header().byteOffset()).append('+').append(span.header().size());
        if (span.body() instanceof FetchedLocations blocks) {
          for (FetchedBlockServices location : blocks.locations()) {
            text.append(' ').append(StorageClass.name(location.storageClass()));
            text.append(' ').append(Parity.format(location.parity()));
            text.append(' ').append(location.stripes()).append('x').append(location.cellSize());
          }
        } else {
          text.append(" INLINE");
        }
        text.append('\n');
        if (text.length() > TEXT_LENGTH_MAX) {
          return text.append("...\n").toString();
        }
      }
      if (page.nextOffset() != 0 && page.nextOffset() <= offset) {
        throw new IOException("the list of spans goes backwards");
      }
      offset = page.nextOffset();
    } while (offset != 0);
    return text.toString();
  }
}
