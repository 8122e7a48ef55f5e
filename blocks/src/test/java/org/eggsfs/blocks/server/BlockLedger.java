package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.BitSet;
import java.util.Random;
import java.util.Set;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.Crc32c;

/**
 * A client that writes, reads and erases numbered blocks, keeps account of what it was told, and
 * fails on an answer that is not in accord with it: other bytes, a block that is missing although
 * it was proved, one that is back although its erasure was, an error that no disk failure explains.
 * The account survives the server.
 */
final class BlockLedger {
  static final long NOW = 1_700_000_000_000_000_000L;

  /** What a request may be answered whose disk fails (blocks.md section 7.1). */
  private static final Set<String> DISK_ERRORS =
      Set.of("BLOCK_IO_ERROR_DEVICE", "BLOCK_IO_ERROR_FILE", "INTERNAL_ERROR");

  private static final String MISSING = "BLOCK_NOT_FOUND";

  private final BitSet tried = new BitSet();
  private final BitSet proved = new BitSet();
  private final BitSet removalTried = new BitSet();
  private final BitSet removed = new BitSet();

  /** Failures are not forgiven any more. */
  private boolean isStrict;

  private BlockServer server;
  private Peer peer;
  private long service;

  static byte[] data(int block) {
    byte[] data = new byte[BlockFormat.PAGE * (1 + block % 3)];
    new Random(block).nextBytes(data);
    return data;
  }

  static long blockId(int block) {
    return NOW + 256L * block;
  }

  /** From now on it asks this server. */
  void connect(BlockServer to) throws IOException {
    server = to;
    service = to.serviceIds().getFirst();
    peer = new Peer(to);
  }

  void disconnect() {
    if (peer != null) {
      peer.close();
      peer = null;
    }
  }

  /** The faults are over. */
  void demandSuccess() {
    isStrict = true;
  }

  private void reconnectIfClosed(String answer) throws IOException {
    if (answer.equals(Peer.CLOSED)) {
      disconnect();
      connect(server);
    }
  }

  private void judgeFailure(String what, int block, String answer) throws IOException {
    assertTrue(
        !isStrict && DISK_ERRORS.contains(answer),
        () -> what + " of block " + block + " was answered " + answer);
    reconnectIfClosed(answer);
  }

  void write(int block) throws IOException {
    tried.set(block);
    judgeWrite(block, peer.write(service, blockId(block), data(block)));
  }

  /** Writes in a row, before any of them is answered. */
  void writeAll(int... blocks) throws IOException {
    for (int block : blocks) {
      tried.set(block);
      peer.send(peer.writeRequest(service, blockId(block), data(block)));
    }
    for (int block : blocks) {
      judgeWrite(block, peer.answer(Long.BYTES));
    }
  }

  private void judgeWrite(int block, String answer) throws IOException {
    if (answer.equals(Peer.OK)) {
      proved.set(block);
    } else {
      judgeFailure("the write", block, answer);
    }
  }

  void fetch(int block) throws IOException {
    byte[] data = data(block);
    String answer = peer.fetch(service, blockId(block), data.length);
    if (judgeRead("the fetch", block, answer)) {
      assertArrayEquals(data, peer.body(), "block " + block);
    }
  }

  void fetchWithCrcs(int block) throws IOException {
    byte[] data = data(block);
    String answer = peer.fetchWithCrcs(service, blockId(block), data.length);
    if (judgeRead("the fetch", block, answer)) {
      byte[] records = peer.body();
      for (int page = 0; page * BlockFormat.PAGE < data.length; page++) {
        int from = page * BlockFormat.PAGE;
        int record = page * BlockFormat.RECORD;
        for (int i = 0; i < BlockFormat.PAGE; i++) {
          assertEquals(data[from + i], records[record + i]);
        }
      }
    }
  }

  void check(int block) throws IOException {
    byte[] data = data(block);
    int crc = Crc32c.sum(0, data, 0, data.length);
    judgeRead("the check", block, peer.check(service, blockId(block), data.length, crc));
  }

  /** Whether there is something to compare. */
  private boolean judgeRead(String what, int block, String answer) throws IOException {
    if (answer.equals(Peer.OK)) {
      assertTrue(tried.get(block) && !removed.get(block), () -> block + " should not be there");
      return true;
    }
    if (answer.equals(MISSING)) {
      assertTrue(
          !proved.get(block) || removalTried.get(block),
          () -> "block " + block + " was proved and is missing");
    } else if (answer.equals(Peer.CLOSED) && !isStrict) {
      // A body that has begun cannot end in an error.
      reconnectIfClosed(answer);
    } else {
      judgeFailure(what, block, answer);
    }
    return false;
  }

  void erase(int block) throws IOException {
    removalTried.set(block);
    judgeRemoval("the erasure", block, peer.erase(service, blockId(block)));
  }

  void quarantine(int block) throws IOException {
    removalTried.set(block);
    judgeRemoval("putting aside", block, peer.quarantine(service, blockId(block)));
  }

  private void judgeRemoval(String what, int block, String answer) throws IOException {
    if (answer.equals(Peer.OK)) {
      removed.set(block);
    } else {
      judgeFailure(what, block, answer);
    }
  }

  void testWrite() throws IOException {
    String answer = peer.testWrite(service, data(2));
    if (!answer.equals(Peer.OK)) {
      judgeFailure("the test write", -1, answer);
    }
  }

  /** Lists the directory of a block: it has what was proved, whole, and nothing that was erased. */
  void list(int block) throws IOException {
    int directory = BlockPaths.subDirectory(blockId(block));
    String answer = peer.list(service, directory);
    if (!answer.equals(Peer.OK)) {
      judgeFailure("the listing", block, answer);
      return;
    }
    BitSet found = new BitSet();
    peer.listed()
        .forEach(
            file -> {
              int number = (int) ((file.blockId() - NOW) / 256);
              found.set(number);
              assertEquals(BlockFormat.fileOffset(data(number).length), file.fileSize());
            });
    for (int i = 0; i < tried.length(); i++) {
      if (BlockPaths.subDirectory(blockId(i)) == directory && !removalTried.get(i)) {
        assertTrue(found.get(i) || !proved.get(i), i + " is not listed");
      }
      assertTrue(!found.get(i) || !removed.get(i), i + " is listed");
    }
  }

  /** Looks at all blocks, and writes those again that were not proved. */
  void settle() throws IOException {
    int count = tried.length();
    for (int block = 0; block < count; block++) {
      fetch(block);
      check(block);
      list(block);
      if (removalTried.get(block)) {
        erase(block);
      } else {
        write(block);
      }
      fetchWithCrcs(block);
    }
    write(count);
    fetch(count);
  }

  /** How many blocks the disk holds after {@link #settle}. */
  int count() {
    BitSet held = (BitSet) tried.clone();
    held.andNot(removalTried);
    return held.cardinality();
  }
}
