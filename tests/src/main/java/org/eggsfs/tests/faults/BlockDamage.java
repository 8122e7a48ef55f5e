package org.eggsfs.tests.faults;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import org.eggsfs.tests.cluster.Disks;

/**
 * Finds the block files of a file on the disks of the cluster and damages some of them, at most as
 * many of each span as its parity can replace (blocks.md section 3.2 says where they are).
 */
public final class BlockDamage {
  /** What is done to a block file. */
  public enum Kind {
    FLIP_BYTE,
    FLIP_PAGE_CRC,
    TRUNCATE,
    EXTEND,
    EMPTY,
    DELETE,
    SWAP,
    /** Nothing: the block was not there any more. */
    GONE
  }

  /** What is done to one file alone. */
  private static final List<Kind> SINGLE_KINDS =
      List.of(
          Kind.FLIP_BYTE, Kind.FLIP_PAGE_CRC, Kind.TRUNCATE, Kind.EXTEND, Kind.EMPTY, Kind.DELETE);

  private static final int PAGE_WITH_CRC = 4_100;
  private static final int PAGE = 4_096;

  private final EggsClient client;
  private final Map<Long, Path> disks = new HashMap<>();
  private final Map<Kind, Integer> done = new EnumMap<>(Kind.class);

  /** Looks up where the disks are. */
  public BlockDamage(EggsClient client) throws IOException, EggsException {
    this.client = client;
    Disks.all(client).values().forEach(disk -> disks.put(disk.id(), disk.path()));
  }

  /** The blocks of one span and the files that hold them, in the same order. */
  public record SpanBlocks(int parityBlocks, List<Long> blocks, List<Path> files) {}

  /** Where the blocks of each span of a file are. */
  public List<SpanBlocks> spans(long file) throws IOException, EggsException {
    List<SpanBlocks> spans = new ArrayList<>();
    long offset = 0;
    do {
      FileSpansResponse page =
          client.shard(InodeIds.shard(file), new FileSpansRequest(file, offset, 0, 0));
      for (FetchedFullSpan span : page.spans()) {
        if (span.body() instanceof FetchedLocations locations) {
          for (FetchedBlockServices location : locations.locations()) {
            List<Long> blocks = new ArrayList<>();
            List<Path> files = new ArrayList<>();
            for (FetchedBlock block : location.blocks()) {
              long service = page.blockServices().get(block.blockServiceIx()).id();
              blocks.add(block.blockId());
              files.add(path(disks.get(service), block.blockId()));
            }
            spans.add(new SpanBlocks(location.parity() >>> 4, blocks, files));
          }
        }
      }
      offset = page.nextOffset();
    } while (offset != 0);
    return spans;
  }

  /** The file of a block on a disk. */
  public static Path path(Path disk, long block) {
    String hex = "%016x".formatted(block);
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-1").digest(hex.getBytes(StandardCharsets.US_ASCII));
      return disk.resolve("with_crc").resolve(HexFormat.of().toHexDigits(hash[0])).resolve(hex);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-1", e);
    }
  }

  /**
   * Damages one to P random blocks of each span of a file, data and parity alike.
   *
   * @return how many blocks
   */
  public int damage(long file, SplittableRandom random) throws IOException, EggsException {
    int count = 0;
    for (SpanBlocks span : spans(file)) {
      List<Path> victims = new ArrayList<>(span.files());
      Collections.shuffle(victims, new Random(random.nextLong()));
      victims = victims.subList(0, random.nextInt(1, span.parityBlocks() + 1));
      damage(victims, random);
      count += victims.size();
    }
    return count;
  }

  /**
   * The same while the cluster is at work: at most so many blocks of each span, each by itself. A
   * block that is gone by then was moved or erased meanwhile.
   *
   * @return the blocks that were damaged
   */
  public List<Long> damageAtWork(long file, int perSpanMax, SplittableRandom random)
      throws IOException, EggsException {
    List<Long> hit = new ArrayList<>();
    for (SpanBlocks span : spans(file)) {
      int first = random.nextInt(span.files().size());
      int count = random.nextInt(1, Math.min(perSpanMax, span.parityBlocks()) + 1);
      for (int i = 0; i < count; i++) {
        int index = (first + i) % span.files().size();
        Kind kind = SINGLE_KINDS.get(random.nextInt(SINGLE_KINDS.size()));
        try {
          damage(span.files().get(index), kind, random);
          note(kind);
          hit.add(span.blocks().get(index));
        } catch (NoSuchFileException e) {
          done.merge(Kind.GONE, 1, Integer::sum);
        }
      }
    }
    return hit;
  }

  private void damage(List<Path> victims, SplittableRandom random) throws IOException {
    for (int i = 0; i < victims.size(); i++) {
      int choice = random.nextInt(SINGLE_KINDS.size() + 1);
      Kind kind = choice == SINGLE_KINDS.size() ? Kind.SWAP : SINGLE_KINDS.get(choice);
      if (kind == Kind.SWAP && i + 1 < victims.size()) {
        swap(victims.get(i), victims.get(i + 1));
        note(Kind.SWAP);
        note(Kind.SWAP);
        i++;
      } else {
        Kind single = kind == Kind.SWAP ? Kind.DELETE : kind;
        damage(victims.get(i), single, random);
        note(single);
      }
    }
  }

  private void note(Kind kind) {
    done.merge(kind, 1, Integer::sum);
  }

  /** How many blocks were damaged in which way. */
  public Map<Kind, Integer> done() {
    return Map.copyOf(done);
  }

  /** Damages one block file. */
  public static void damage(Path file, Kind kind, SplittableRandom random) throws IOException {
    if (kind == Kind.DELETE) {
      Files.delete(file);
      return;
    }
    try (FileChannel open =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      long size = open.size();
      switch (kind) {
        case FLIP_BYTE -> flip(open, random.nextLong(size));
        case FLIP_PAGE_CRC ->
            flip(open, random.nextLong(size / PAGE_WITH_CRC) * PAGE_WITH_CRC + PAGE);
        case TRUNCATE -> open.truncate(random.nextLong(1, size));
        case EXTEND -> open.write(ByteBuffer.allocate(PAGE_WITH_CRC), size);
        case EMPTY -> open.truncate(0);
        default -> throw new IllegalArgumentException(kind + " takes two files");
      }
    }
  }

  private static void flip(FileChannel open, long offset) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(1);
    open.read(one, offset);
    one.put(0, (byte) ~one.get(0));
    open.write(one.flip(), offset);
  }

  private static void swap(Path one, Path other) throws IOException {
    Path temporary = one.resolveSibling("swapping");
    Files.move(one, temporary);
    Files.move(other, one, StandardCopyOption.ATOMIC_MOVE);
    Files.move(temporary, other, StandardCopyOption.ATOMIC_MOVE);
  }
}
