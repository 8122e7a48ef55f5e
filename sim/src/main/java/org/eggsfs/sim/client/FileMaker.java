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
import org.eggsfs.protocol.shard.MoveSpanRequest;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.struct.AddSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.sim.oracle.Contents.Blocks;
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

  /** One span in so many is written in another file and moved from there. */
  private static final int WRITTEN_ASIDE = 4;

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
    ConstructFileResponse file = construct(shard);
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
        scrap(shard, file);
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

  /** Bytes for a span, whose CRCs are computed from the bytes. */
  private WrittenSpan encode(long offset) {
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
    return new WrittenSpan(
        offset,
        (long) stripes * DATA * PAGE,
        crc(data),
        null,
        new Blocks(stripes, cellCrcs, blockCrcs));
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
    WrittenSpan span = encode(offset);
    // As a client does that writes several spans at once.
    boolean aside = session.world().random().nextInt(WRITTEN_ASIDE) == 0;
    ConstructFileResponse into = aside ? construct(shard) : file;
    long at = aside ? 0 : offset;
    List<BlockProof> proofs = place(shard, into, at, span);
    if (proofs == null && session.world().random().nextInt(2) == 0) {
      // A repeated initiate would get the same blocks again, so the span has to leave first.
      ConstructFileResponse scratch = construct(shard);
      move(shard, span.size(), into, at, scratch, 0);
      scrap(shard, scratch);
      proofs = place(shard, into, at, span);
    }
    if (proofs == null) {
      return null;
    }
    if (aside) {
      move(shard, span.size(), into, at, file, offset);
      scrap(shard, into);
    }
    if (certify) {
      client.shard(shard, new AddSpanCertifyRequest(file.id(), file.cookie(), offset, proofs));
    } else {
      uncertified.addAll(proofs);
    }
    return span;
  }

  private void move(
      int shard,
      long size,
      ConstructFileResponse from,
      long fromOffset,
      ConstructFileResponse to,
      long toOffset)
      throws EggsException {
    client.shard(
        shard,
        new MoveSpanRequest(
            size, from.id(), fromOffset, from.cookie(), to.id(), toOffset, to.cookie()));
  }

  /** A new file without a name. */
  ConstructFileResponse construct(int shard) throws EggsException {
    return client.shard(shard, new ConstructFileRequest(InodeIds.FILE, new byte[0]));
  }

  /** Gives a file up. */
  void scrap(int shard, ConstructFileResponse file) throws EggsException {
    client.shard(shard, new ScrapTransientFileRequest(file.id(), file.cookie()));
  }

  /** Brings a span to disks. Returns the proofs, or null when they have failed. */
  private List<BlockProof> place(
      int shard, ConstructFileResponse file, long offset, WrittenSpan span) throws EggsException {
    Blocks blocks = span.blocks();
    AddSpanInitiateResponse handedOut =
        client.shard(
            shard,
            new AddSpanInitiateRequest(
                file.id(),
                file.cookie(),
                offset,
                span.size(),
                span.crc(),
                StorageClass.FLASH,
                List.of(),
                PARITY,
                blocks.stripes(),
                PAGE,
                blocks.cellCrcs()));
    return write(handedOut.blocks(), blocks.crcs(), (long) blocks.stripes() * PAGE);
  }

  /** Writes blocks to where the shard says. Returns the proofs, or null when one has failed. */
  List<BlockProof> write(List<AddSpanInitiateBlockInfo> places, int[] crcs, long size) {
    List<ClientMachine.BlockWrite> writes = new ArrayList<>();
    for (int i = 0; i < places.size(); i++) {
      AddSpanInitiateBlockInfo place = places.get(i);
      writes.add(
          new ClientMachine.BlockWrite(
              place.blockServiceId(), place.blockId(), crcs[i], size, place.certificate()));
    }
    return client.writeBlocks(writes);
  }

  /**
   * A file without a name that has a copy of a span, in other blocks.
   *
   * @param blockIds of the copy
   */
  record Copy(ConstructFileResponse file, long[] blockIds) {}

  /** Copies a span, or returns null when the disks have failed. */
  Copy copy(int shard, WrittenSpan span) throws EggsException {
    ConstructFileResponse file = construct(shard);
    List<BlockProof> proofs = place(shard, file, 0, span);
    if (proofs == null) {
      scrap(shard, file);
      return null;
    }
    client.shard(shard, new AddSpanCertifyRequest(file.id(), file.cookie(), 0, proofs));
    return new Copy(file, proofs.stream().mapToLong(BlockProof::blockId).toArray());
  }
}
