package org.eggsfs.tests.faults;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedLocations;

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
    SWAP
  }

  private static final int PAGE_WITH_CRC = 4_100;
  private static final int PAGE = 4_096;

  private final EggsClient client;
  private final Map<Long, Path> disks = new HashMap<>();
  private final Map<Kind, Integer> done = new EnumMap<>(Kind.class);
  private final List<Path> damaged = new ArrayList<>();

  /** Looks up where the disks are. */
  public BlockDamage(EggsClient client) throws IOException, EggsException {
    this.client = client;
    AllBlockServicesDeprecatedResponse all =
        client.shuckle().call(new AllBlockServicesDeprecatedRequest());
    for (BlockServiceDeprecatedInfo service : all.blockServices()) {
      String path = new String(service.path(), StandardCharsets.UTF_8);
      disks.put(service.id(), Path.of(path.substring(path.indexOf(':') + 1)));
    }
  }

  /** The files that hold the blocks of one span. */
  public record SpanBlocks(int parityBlocks, List<Path> files) {}

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
            List<Path> files = new ArrayList<>();
            for (FetchedBlock block : location.blocks()) {
              long service = page.blockServices().get(block.blockServiceIx()).id();
              files.add(path(disks.get(service), block.blockId()));
            }
            spans.add(new SpanBlocks(location.parity() >>> 4, files));
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

  /** The directories of all block services by id. */
  public Map<Long, Path> disks() {
    return Map.copyOf(disks);
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

  private void damage(List<Path> victims, SplittableRandom random) throws IOException {
    Kind[] kinds = Kind.values();
    for (int i = 0; i < victims.size(); i++) {
      Kind kind = kinds[random.nextInt(kinds.length)];
      if (kind == Kind.SWAP && i + 1 < victims.size()) {
        swap(victims.get(i), victims.get(i + 1));
        note(Kind.SWAP, victims.get(i));
        note(Kind.SWAP, victims.get(i + 1));
        i++;
      } else {
        Kind single = kind == Kind.SWAP ? Kind.DELETE : kind;
        damage(victims.get(i), single, random);
        note(single, victims.get(i));
      }
    }
  }

  private void note(Kind kind, Path file) {
    done.merge(kind, 1, Integer::sum);
    damaged.add(file);
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
    try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
      long size = open.length();
      switch (kind) {
        case FLIP_BYTE -> flip(open, random.nextLong(size));
        case FLIP_PAGE_CRC ->
            flip(open, random.nextLong(size / PAGE_WITH_CRC) * PAGE_WITH_CRC + PAGE);
        case TRUNCATE -> open.setLength(random.nextLong(1, size));
        case EXTEND -> open.setLength(size + PAGE_WITH_CRC);
        case EMPTY -> open.setLength(0);
        default -> throw new IllegalArgumentException(kind + " takes two files");
      }
    }
  }

  private static void flip(RandomAccessFile open, long offset) throws IOException {
    open.seek(offset);
    int old = open.read();
    open.seek(offset);
    open.write(old ^ 0xff);
  }

  private static void swap(Path one, Path other) throws IOException {
    Path temporary = one.resolveSibling("swapping");
    Files.move(one, temporary);
    Files.move(other, one, StandardCopyOption.ATOMIC_MOVE);
    Files.move(temporary, other, StandardCopyOption.ATOMIC_MOVE);
  }
}
