package org.eggsfs.sim.client;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddInlineSpanRequest;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateResponse;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.struct.AddSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.sim.oracle.Contents.WrittenSpan;
import org.eggsfs.sim.world.ClientMachine;

/**
 * Writes a file up to the point where it wants a name: real bytes in real cells, whose CRCs are
 * computed from the bytes and not from each other as servers do it.
 */
final class FileMaker {
  private static final int PAGE = 4096;
  private static final int DATA = 2;
  private static final int PARITY = Parity.of(DATA, 1);
  private static final int STRIPES_MAX = 2;
  private static final int SPANS_MAX = 3;
  private static final int INLINE_MAX = 255;

  private final ClientMachine client;
  private final Session session;

  FileMaker(ClientMachine client, Session session) {
    this.client = client;
    this.session = session;
  }

  /**
   * A file that needs a name and perhaps a certificate.
   *
   * @param offset of its last span
   * @param proofs of the last span; empty when it is certified or has none
   */
  record Unfinished(ConstructFileResponse file, long offset, List<BlockProof> proofs) {}

  /** A complete file without a name in a shard, or null when its disks have failed. */
  ConstructFileResponse make(int shard) throws EggsException {
    Unfinished made = make(shard, true);
    return made == null ? null : made.file;
  }

  /** The same with the last span as it is before its proofs are told to the shard. */
  Unfinished makeUpToCommit(int shard) throws EggsException {
    return make(shard, false);
  }

  private Unfinished make(int shard, boolean certifyLast) throws EggsException {
    ConstructFileResponse file =
        client.shard(shard, new ConstructFileRequest(InodeIds.FILE, new byte[0]));
    List<WrittenSpan> spans = new ArrayList<>();
    int count = session.world().random().nextInt(SPANS_MAX);
    long offset = 0;
    long last = 0;
    List<BlockProof> proofs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      boolean certify = certifyLast || i < count - 1;
      WrittenSpan span =
          session.world().random().nextInt(2) == 0
              ? writeInline(shard, file, offset)
              : writeBlocks(shard, file, offset, certify, proofs);
      if (span == null) {
        client.shard(shard, new ScrapTransientFileRequest(file.id(), file.cookie()));
        return null;
      }
      spans.add(span);
      last = offset;
      offset += span.size();
    }
    session.contents().wrote(file.id(), spans);
    return new Unfinished(file, last, proofs);
  }

  private byte[] bytes(int size) {
    byte[] bytes = new byte[size];
    for (int i = 0; i < size; i += Long.BYTES) {
      long word = session.world().random().nextLong();
      for (int b = i; b < Math.min(size, i + Long.BYTES); b++) {
        bytes[b] = (byte) word;
        word >>>= Byte.SIZE;
      }
    }
    return bytes;
  }

  private static int crc(byte[]... pieces) {
    CRC32C crc = new CRC32C();
    for (byte[] piece : pieces) {
      crc.update(piece, 0, piece.length);
    }
    return (int) crc.getValue();
  }

  /** The whole page, of which only the beginning is kept in the metadata. */
  private WrittenSpan writeInline(int shard, ConstructFileResponse file, long offset)
      throws EggsException {
    byte[] body = bytes(1 + session.world().random().nextInt(INLINE_MAX));
    int crc = crc(Arrays.copyOf(body, PAGE));
    client.shard(
        shard,
        new AddInlineSpanRequest(
            file.id(), file.cookie(), StorageClass.INLINE, offset, PAGE, crc, body));
    return new WrittenSpan(offset, PAGE, crc, body, null);
  }

  /**
   * A span of blocks, or null when its disks have failed.
   *
   * @param uncertified gets the proofs if the shard is not told of them here
   */
  private WrittenSpan writeBlocks(
      int shard,
      ConstructFileResponse file,
      long offset,
      boolean certify,
      List<BlockProof> uncertified)
      throws EggsException {
    int stripes = 1 + session.world().random().nextInt(STRIPES_MAX);
    byte[][] cells = new byte[stripes * (DATA + 1)][];
    byte[][] data = new byte[stripes * DATA][];
    for (int stripe = 0; stripe < stripes; stripe++) {
      byte[] parity = new byte[PAGE];
      for (int d = 0; d < DATA; d++) {
        byte[] cell = bytes(PAGE);
        data[stripe * DATA + d] = cell;
        cells[stripe * (DATA + 1) + d] = cell;
        for (int b = 0; b < PAGE; b++) {
          parity[b] ^= cell[b];
        }
      }
      cells[stripe * (DATA + 1) + DATA] = parity;
    }
    int[] cellCrcs = new int[cells.length];
    for (int i = 0; i < cells.length; i++) {
      cellCrcs[i] = crc(cells[i]);
    }
    int[] blockCrcs = new int[DATA + 1];
    for (int block = 0; block <= DATA; block++) {
      byte[][] pieces = new byte[stripes][];
      for (int stripe = 0; stripe < stripes; stripe++) {
        pieces[stripe] = cells[stripe * (DATA + 1) + block];
      }
      blockCrcs[block] = crc(pieces);
    }
    long size = (long) stripes * DATA * PAGE;
    int spanCrc = crc(data);
    AddSpanInitiateResponse handedOut =
        client.shard(
            shard,
            new AddSpanInitiateRequest(
                file.id(),
                file.cookie(),
                offset,
                size,
                spanCrc,
                StorageClass.FLASH,
                List.of(),
                PARITY,
                stripes,
                PAGE,
                cellCrcs));
    List<ClientMachine.BlockWrite> writes = new ArrayList<>();
    for (int i = 0; i < handedOut.blocks().size(); i++) {
      AddSpanInitiateBlockInfo block = handedOut.blocks().get(i);
      writes.add(
          new ClientMachine.BlockWrite(
              block.blockServiceId(),
              block.blockId(),
              blockCrcs[i],
              (long) stripes * PAGE,
              block.certificate()));
    }
    List<BlockProof> proofs = client.writeBlocks(writes);
    if (proofs == null) {
      return null;
    }
    if (certify) {
      client.shard(shard, new AddSpanCertifyRequest(file.id(), file.cookie(), offset, proofs));
    } else {
      uncertified.addAll(proofs);
    }
    return new WrittenSpan(offset, size, spanCrc, null, blockCrcs);
  }
}
