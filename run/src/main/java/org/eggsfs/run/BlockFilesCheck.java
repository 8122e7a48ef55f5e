package org.eggsfs.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.KeyFile;
import org.eggsfs.cli.LongLongMap;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.Certificates;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.shard.state.BlockReferences;
import org.eggsfs.shard.state.Findings;
import org.eggsfs.store.View;

/**
 * Compares the block files in a data directory with the blocks that shards refer to: each block of
 * a linked file must be there, in the right place and size, and no file may be there that nothing
 * refers to. Contents are not read; that is what a scrub does.
 */
final class BlockFilesCheck {
  private static final String PROPERTY = "blocks";
  private static final int KEY_SIZE = 16;

  /** Bits above the size of a block. */
  private static final long LINKED = 1L << 62;

  private static final long SEEN = 1L << 61;

  private final Path root;
  private final Findings findings;

  /** Service to its blocks: their sizes and the bits above. */
  private final Map<Long, LongLongMap> references = new HashMap<>();

  /** Nobody expects anything of these. */
  private final Set<Long> givenUp = new HashSet<>();

  private final Set<Long> known = new HashSet<>();

  BlockFilesCheck(Path root, List<FullBlockServiceInfo> services, Findings findings) {
    this.root = root;
    this.findings = findings;
    for (FullBlockServiceInfo service : services) {
      known.add(service.id());
      if ((service.flags() & BlockServiceFlags.DECOMMISSIONED) != 0) {
        givenUp.add(service.id());
      }
    }
  }

  void run(View shards) throws IOException {
    for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
      BlockReferences.forEach(
          shards,
          shard,
          (service, block, size, linked) ->
              references
                  .computeIfAbsent(service, _ -> new LongLongMap())
                  .put(block, linked ? size | LINKED : size));
    }
    Set<Long> present = new HashSet<>();
    for (Path directory : OfflineCheck.blockServiceDirectories(root, KeyFile.NAME)) {
      present.add(checkService(directory));
    }
    references.forEach(
        (service, blocks) -> {
          findings.require(
              known.contains(service),
              PROPERTY,
              "the shuckle does not know service " + hex(service) + ", on which there are blocks");
          if (!givenUp.contains(service)) {
            findings.require(
                present.contains(service),
                PROPERTY,
                "the disk of service " + hex(service) + " is not below " + root);
            if (present.contains(service)) {
              reportMissing(service, blocks);
            }
          }
        });
  }

  private long checkService(Path directory) throws IOException {
    byte[] key = Files.readAllBytes(directory.resolve(KeyFile.NAME));
    if (key.length < KEY_SIZE) {
      findings.add(PROPERTY, directory.resolve(KeyFile.NAME) + " is too short");
      return 0;
    }
    long service = Certificates.blockServiceId(key);
    LongLongMap blocks = references.computeIfAbsent(service, _ -> new LongLongMap());
    for (int i = 0; i < BlockFormat.SUB_DIRECTORIES; i++) {
      Path part = directory.resolve(BlockPaths.ROOT).resolve(BlockFormat.subDirectory(i));
      if (Files.isDirectory(part)) {
        try (Stream<Path> files = Files.list(part)) {
          for (Path file : (Iterable<Path>) files::iterator) {
            checkFile(directory, file, service, blocks);
          }
        }
      }
    }
    return service;
  }

  private void checkFile(Path directory, Path file, long service, LongLongMap blocks)
      throws IOException {
    String name = file.getFileName().toString();
    if (name.startsWith(BlockFormat.TEMPORARY_PREFIX)) {
      // An unfinished write, which the next start removes.
      return;
    }
    long block;
    try {
      block = Long.parseUnsignedLong(name, 16);
    } catch (NumberFormatException e) {
      findings.add(PROPERTY, file + " is no block");
      return;
    }
    if (!directory.resolve(BlockPaths.relative(block)).equals(file)) {
      findings.add(PROPERTY, file + " is in the wrong place");
      return;
    }
    long reference = blocks.get(block);
    if (reference == LongLongMap.ABSENT) {
      // Nobody asks a disk that was given up to erase anything.
      findings.require(givenUp.contains(service), PROPERTY, file + " belongs to no file");
      return;
    }
    long size = reference & ~(LINKED | SEEN);
    long expected = size / BlockFormat.PAGE * BlockFormat.RECORD;
    findings.require(
        Files.size(file) == expected,
        PROPERTY,
        file + " has " + Files.size(file) + " bytes instead of " + expected);
    blocks.put(block, reference | SEEN);
  }

  private void reportMissing(long service, LongLongMap blocks) {
    blocks.forEach(
        (block, reference) ->
            findings.require(
                (reference & SEEN) != 0 || (reference & LINKED) == 0,
                PROPERTY,
                "block " + hex(block) + " is missing on service " + hex(service)));
  }

  private static String hex(long id) {
    return "0x%016x".formatted(id);
  }
}
