package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.DiskMisuseException;
import org.eggsfs.blocks.format.KeyFile;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.Crc32c;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a damaged block file is found by CheckBlock whatever the damage, a fetch gives what is
 * there or an error, and a damaged key stops the server. Method: flips at each kind of place, files
 * cut, extended, emptied, swapped.
 */
class DamagedDiskTest {
  private static final long NOW = BlockLedger.NOW;
  private static final int PAGES = 3;
  private static final byte[] DATA = data(1);
  private static final byte[] OTHER = data(2);
  private static final String BAD = "BAD_BLOCK_CRC";

  @TempDir(factory = MemoryDirectory.class)
  Path disk;

  private static byte[] data(int seed) {
    byte[] data = new byte[PAGES * BlockFormat.PAGE];
    new Random(seed).nextBytes(data);
    return data;
  }

  private BlockServer start() throws IOException {
    return BlockServer.start(
        BlockServerConfig.of(
                List.of(new BlockServerConfig.Disk(disk, StorageClass.FLASH)),
                "domain",
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                List.of())
            .withLimits(1, 1L << 50, 0, 1_000_000_000L)
            .withClock(() -> NOW + 1_000_000_000L, 60_000_000_000L));
  }

  private Path file(long blockId) {
    return disk.resolve(BlockPaths.relative(blockId));
  }

  private static byte[] flipped(byte[] file, int place) {
    byte[] damaged = file.clone();
    damaged[place] ^= 1;
    return damaged;
  }

  /** All damage that differs, by name. */
  private static Map<String, byte[]> damages(byte[] file, byte[] other) {
    Map<String, byte[]> damages = new LinkedHashMap<>();
    for (int page = 0; page < PAGES; page++) {
      int record = page * BlockFormat.RECORD;
      damages.put("first byte of page " + page, flipped(file, record));
      damages.put("middle of page " + page, flipped(file, record + 2000));
      damages.put("last byte of page " + page, flipped(file, record + BlockFormat.PAGE - 1));
      damages.put("first byte of CRC " + page, flipped(file, record + BlockFormat.PAGE));
      damages.put("last byte of CRC " + page, flipped(file, record + BlockFormat.RECORD - 1));
    }
    damages.put("empty", new byte[0]);
    damages.put("a byte short", Arrays.copyOf(file, file.length - 1));
    damages.put("a CRC short", Arrays.copyOf(file, file.length - 4));
    damages.put("a page short", Arrays.copyOf(file, file.length - BlockFormat.RECORD));
    damages.put("a byte long", Arrays.copyOf(file, file.length + 1));
    damages.put("a page of zeros long", Arrays.copyOf(file, file.length + BlockFormat.RECORD));
    damages.put("all zeros", new byte[file.length]);
    damages.put("another block", other);
    byte[] swapped = file.clone();
    System.arraycopy(file, 0, swapped, BlockFormat.RECORD, BlockFormat.RECORD);
    System.arraycopy(file, BlockFormat.RECORD, swapped, 0, BlockFormat.RECORD);
    damages.put("pages swapped", swapped);
    return damages;
  }

  @Test
  void eachDamageOfABlockIsFound() throws IOException {
    int crc = Crc32c.sum(0, DATA, 0, DATA.length);
    try (BlockServer server = start();
        Peer peer = new Peer(server)) {
      long service = server.serviceIds().getFirst();
      assertEquals(Peer.OK, peer.write(service, NOW, DATA));
      assertEquals(Peer.OK, peer.write(service, NOW + 256, OTHER));
      byte[] good = Files.readAllBytes(file(NOW));
      byte[] other = Files.readAllBytes(file(NOW + 256));
      for (Map.Entry<String, byte[]> damage : damages(good, other).entrySet()) {
        Files.write(file(NOW), damage.getValue());
        assertEquals(BAD, peer.check(service, NOW, DATA.length, crc), damage.getKey());
        String fetched = peer.fetchWithCrcs(service, NOW, DATA.length);
        if (damage.getValue().length >= good.length) {
          // As it is: the page CRCs tell the reader, or the block's CRC does.
          assertEquals(Peer.OK, fetched, damage.getKey());
          assertArrayEquals(Arrays.copyOf(damage.getValue(), good.length), peer.body());
        } else {
          assertEquals("BLOCK_FETCH_OUT_OF_BOUNDS", fetched, damage.getKey());
        }
        assertEquals(Peer.OK, peer.fetch(service, NOW + 256, OTHER.length));
        assertArrayEquals(OTHER, peer.body());
      }
      assertEquals(Peer.OK, peer.write(service, NOW, DATA));
      assertEquals(Peer.OK, peer.check(service, NOW, DATA.length, crc));
    }
  }

  @Test
  void aDamagedKeyStopsTheServer() throws IOException {
    try (BlockServer server = start();
        Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(server.serviceIds().getFirst(), NOW, DATA));
    }
    Path key = disk.resolve(KeyFile.NAME);
    byte[] good = Files.readAllBytes(key);
    for (int place = 0; place < good.length; place++) {
      expectMisuse(key, flipped(good, place));
      expectMisuse(key, Arrays.copyOf(good, place));
    }
    Files.delete(key);
    assertThrows(DiskMisuseException.class, this::start);
    Files.write(key, good);
    try (BlockServer server = start();
        Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.fetch(server.serviceIds().getFirst(), NOW, DATA.length));
    }
  }

  private void expectMisuse(Path key, byte[] damaged) throws IOException {
    Files.write(key, damaged);
    DiskMisuseException error = assertThrows(DiskMisuseException.class, this::start);
    assertEquals(true, error.getMessage().contains(KeyFile.NAME), error.getMessage());
  }
}
