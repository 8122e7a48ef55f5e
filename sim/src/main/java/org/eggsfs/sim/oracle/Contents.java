package org.eggsfs.sim.oracle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlocksSpan;
import org.eggsfs.protocol.struct.FetchedInlineSpan;
import org.eggsfs.protocol.struct.FetchedSpan;

/** What clients have written into files, to compare with what shards say is in them. */
public final class Contents {
  /**
   * One span.
   *
   * @param crc of its bytes
   * @param body its bytes if they are in the metadata, else null
   * @param blocks null if its bytes are in the metadata
   */
  public record WrittenSpan(long offset, long size, int crc, byte[] body, Blocks blocks) {}

  /**
   * A span in blocks.
   *
   * @param cellCrcs CRC of each cell, stripe by stripe, computed from its bytes
   * @param crcs CRC of each block, computed from its bytes
   */
  public record Blocks(int stripes, int[] cellCrcs, int[] crcs) {}

  /** What the disks hold. */
  public interface Disks {
    /** The CRC of a block, or null if it is not there. */
    Integer crc(long service, long blockId);
  }

  private static final int RECENT_MAX = 30;

  private final Map<Long, List<WrittenSpan>> files = new HashMap<>();

  private final List<Long> inBlocks = new ArrayList<>();

  /** Files that may have got other blocks since they were compared. */
  private final Set<Long> moved = new HashSet<>();

  /** Remembers what was written into a file before it got its name. */
  public void wrote(long file, List<WrittenSpan> spans) {
    files.put(file, List.copyOf(spans));
    if (spans.stream().anyMatch(span -> span.blocks != null)) {
      inBlocks.addLast(file);
      if (inBlocks.size() > RECENT_MAX) {
        inBlocks.removeFirst();
      }
    }
  }

  /** Files written lately that have blocks. */
  public List<Long> inBlocks() {
    return inBlocks;
  }

  /** The span that was written there, or null. */
  public WrittenSpan span(long file, long offset) {
    for (WrittenSpan span : files.getOrDefault(file, List.of())) {
      if (span.offset == offset) {
        return span;
      }
    }
    return null;
  }

  /** Somebody asks for other blocks in a file, with the same bytes. */
  public void moves(long file) {
    moved.add(file);
  }

  /** Whether it may have got other blocks since this was last asked. */
  public boolean takeMoved(long file) {
    return moved.remove(file);
  }

  /** Bytes in a file, or -1 if nobody has written it. */
  public long size(long file) {
    List<WrittenSpan> spans = files.get(file);
    if (spans == null) {
      return -1;
    }
    return spans.isEmpty() ? 0 : spans.getLast().offset + spans.getLast().size;
  }

  /**
   * Compares a file with what was written.
   *
   * @param disks null if blocks may be erased by now
   * @return what is wrong, or null
   */
  public String compare(long file, List<LocalFileSpansResponse> pages, Disks disks) {
    List<WrittenSpan> written = files.get(file);
    if (written == null) {
      return "nobody has written it";
    }
    int at = 0;
    for (LocalFileSpansResponse page : pages) {
      for (FetchedSpan span : page.spans()) {
        if (at == written.size()) {
          return "more spans than the " + at + " written";
        }
        String problem = compare(written.get(at), span, page, disks);
        if (problem != null) {
          return "span " + at + ": " + problem;
        }
        at++;
      }
    }
    return at == written.size() ? null : at + " spans of " + written.size() + " written";
  }

  private static String compare(
      WrittenSpan written, FetchedSpan span, LocalFileSpansResponse page, Disks disks) {
    if (span.header().byteOffset() != written.offset
        || span.header().size() != written.size
        || span.header().crc() != written.crc) {
      return "shown as " + span.header() + ", written as " + written;
    }
    return switch (span.body()) {
      case FetchedInlineSpan inline ->
          written.body != null && Arrays.equals(inline.body(), written.body)
              ? null
              : "not the bytes that were written";
      case FetchedBlocksSpan blocks -> compare(written, blocks, page, disks);
    };
  }

  private static String compare(
      WrittenSpan written, FetchedBlocksSpan span, LocalFileSpansResponse page, Disks disks) {
    if (written.body != null || span.blocks().size() != written.blocks.crcs.length) {
      return span.blocks().size() + " blocks";
    }
    for (int i = 0; i < written.blocks.crcs.length; i++) {
      FetchedBlock block = span.blocks().get(i);
      if (block.crc() != written.blocks.crcs[i]) {
        return "block " + i + " has another CRC";
      }
      if (disks != null) {
        long service = page.blockServices().get(block.blockServiceIx()).id();
        Integer found = disks.crc(service, block.blockId());
        if (found == null || found != written.blocks.crcs[i]) {
          return "block " + i + " is " + (found == null ? "not on its disk" : "another one");
        }
      }
    }
    return null;
  }
}
