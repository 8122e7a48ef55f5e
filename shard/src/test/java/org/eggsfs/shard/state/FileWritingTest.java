package org.eggsfs.shard.state;

import static org.eggsfs.shard.state.Harness.bytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.*;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The requests of shard.md section 8: checks in order, effects, and what a repeat gets. After each
 * test the tables must be sound and a replay of the log must give the same tables.
 */
class FileWritingTest {
  private static final int SHARD = 0;
  private final Harness shard = new Harness(SHARD, 1);

  @AfterEach
  void soundAndReplayable() {
    shard.assertSound();
    assertEquals(Harness.dump(shard.store), shard.replay());
  }

  @Test
  void constructFile() throws EggsException {
    for (int type : new int[] {0, 1, 4, 255}) {
      shard.fails(ErrorCode.TYPE_IS_DIRECTORY, new ConstructFileRequest(type, bytes("")));
    }
    ConstructFileResponse first = shard.construct();
    ConstructFileResponse second = shard.construct();
    assertEquals(InodeIds.of(InodeIds.FILE, 1, SHARD), first.id());
    assertEquals(InodeIds.of(InodeIds.FILE, 2, SHARD), second.id());
    assertNotEquals(first.cookie(), second.cookie());
    StatTransientFileResponse stat =
        (StatTransientFileResponse) shard.read(new StatTransientFileRequest(first.id()));
    assertEquals(0, stat.size());
    assertArrayEquals(bytes("note"), stat.note());
    shard.failsRead(ErrorCode.FILE_NOT_FOUND, new StatFileRequest(first.id()));
  }

  @Test
  void inlineSpanChecksInOrder() throws EggsException {
    ConstructFileResponse file = shard.construct();
    AddInlineSpanRequest good = Harness.inline(file, 0, "hello");
    shard.fails(ErrorCode.TYPE_IS_DIRECTORY, with(good, InodeIds.ROOT, 0, 9, 1, 0, 0));
    shard.fails(ErrorCode.BAD_SHARD, with(good, file.id() + 1, 0, 9, 1, 0, 0));
    shard.fails(ErrorCode.BAD_COOKIE, with(good, file.id(), file.cookie() + 1, 9, 1, 0, 0));
    long id = file.id();
    long cookie = file.cookie();
    // A disk class; EMPTY with a size; EMPTY with a body; INLINE shorter than its body; off page.
    shard.fails(ErrorCode.BAD_SPAN_BODY, with(good, id, cookie, 2, 0, 5, good.crc()));
    shard.fails(ErrorCode.BAD_SPAN_BODY, with(good, id, cookie, 0, 0, 5, good.crc()));
    shard.fails(ErrorCode.BAD_SPAN_BODY, with(good, id, cookie, 0, 0, 0, good.crc()));
    shard.fails(ErrorCode.BAD_SPAN_BODY, with(good, id, cookie, 1, 0, 4, good.crc()));
    shard.fails(ErrorCode.BAD_SPAN_BODY, with(good, id, cookie, 1, 1, 5, good.crc()));
    shard.fails(ErrorCode.BAD_SPAN_BODY, with(good, id, cookie, 1, 0, 5, good.crc() + 1));
    shard.fails(
        ErrorCode.BAD_SPAN_BODY, with(good, id, cookie, 1, Long.MAX_VALUE & ~4095L, 5000, 0));
    shard.fails(ErrorCode.SPAN_NOT_FOUND, with(good, id, cookie, 1, 4096, 5, good.crc()));
    shard.write(good);
    shard.write(good);
    assertEquals(
        5, ((StatTransientFileResponse) shard.read(new StatTransientFileRequest(id))).size());
    shard.fails(ErrorCode.SPAN_NOT_FOUND, Harness.inline(file, 0, "jello"));
  }

  private static AddInlineSpanRequest with(
      AddInlineSpanRequest request,
      long id,
      long cookie,
      int storageClass,
      long offset,
      long size,
      int crc) {
    return new AddInlineSpanRequest(id, cookie, storageClass, offset, size, crc, request.body());
  }

  @Test
  void emptyKeepsAliveAndZeroSpansAreStored() throws EggsException {
    ConstructFileResponse file = shard.construct();
    AddInlineSpanRequest alive =
        new AddInlineSpanRequest(
            file.id(), file.cookie(), StorageClass.EMPTY, 0, 0, 0, new byte[0]);
    for (int i = 0; i < 5; i++) {
      shard.now += Harness.INTERVAL - 10_000;
      shard.write(alive);
    }
    shard.write(
        new AddInlineSpanRequest(
            file.id(),
            file.cookie(),
            StorageClass.INLINE,
            0,
            8192,
            Crc32c.zeros(8192),
            new byte[0]));
    shard.link(file, InodeIds.ROOT, "zeros");
    StatFileResponse stat = (StatFileResponse) shard.read(new StatFileRequest(file.id()));
    assertEquals(8192, stat.size());
    assertEquals(1, spans(file.id()).size());
  }

  private List<FetchedSpan> spans(long file) throws EggsException {
    return ((LocalFileSpansResponse) shard.read(new LocalFileSpansRequest(file, 0, 0, 0))).spans();
  }

  @Test
  void expiredFilesRefuseTheirWriter() throws EggsException {
    ConstructFileResponse file = shard.construct();
    List<AddSpanInitiateBlockInfo> blocks = shard.initiate(file, 0, 1);
    AddSpanCertifyRequest certify = shard.certify(file, 0, blocks);
    LinkFileRequest link =
        new LinkFileRequest(file.id(), file.cookie(), InodeIds.ROOT, bytes("late"));
    shard.fails(ErrorCode.DEADLINE_NOT_PASSED, new RemoveInodeRequest(file.id()));
    shard.now += 2 * Harness.INTERVAL;
    shard.fails(ErrorCode.FILE_NOT_FOUND, Harness.inline(file, 0, "x"));
    shard.fails(ErrorCode.FILE_NOT_FOUND, Harness.span(file, 8192, 1, 2));
    shard.fails(ErrorCode.FILE_NOT_FOUND, certify);
    shard.fails(ErrorCode.FILE_NOT_FOUND, link);
    shard.fails(ErrorCode.FILE_NOT_EMPTY, new RemoveInodeRequest(file.id()));
    shard.read(new StatTransientFileRequest(file.id()));
  }

  @Test
  void addSpanChecksInOrder() throws EggsException {
    ConstructFileResponse file = shard.construct();
    AddSpanInitiateRequest good = Harness.span(file, 0, 2, 1);
    shard.fails(ErrorCode.TYPE_IS_DIRECTORY, changed(good, InodeIds.ROOT, 0, 0, 1));
    shard.fails(ErrorCode.BAD_SHARD, changed(good, file.id() + 1, 0, 0, 1));
    shard.fails(ErrorCode.BAD_COOKIE, changed(good, file.id(), file.cookie() + 1, 0, 1));
    long id = file.id();
    long cookie = file.cookie();
    shard.fails(ErrorCode.BAD_SPAN_BODY, changed(good, id, cookie, 1, good.size()));
    shard.fails(ErrorCode.BAD_SPAN_BODY, changed(good, id, cookie, 0, 0));
    shard.fails(ErrorCode.BAD_SPAN_BODY, changed(good, id, cookie, 0, 104_857_601));
    shard.fails(ErrorCode.BAD_SPAN_BODY, changed(good, id, cookie, 0, good.size() + 1));
    shard.fails(
        ErrorCode.BAD_SPAN_BODY, changed(good, id, cookie, Long.MAX_VALUE & ~4095L, good.size()));
    for (int storageClass : new int[] {StorageClass.EMPTY, StorageClass.INLINE}) {
      shard.fails(ErrorCode.BAD_SPAN_BODY, shaped(good, storageClass, Harness.PARITY, 2, 4096));
    }
    // No stripes, too many, no data blocks, cell off page, no cell, too large a block.
    int flash = StorageClass.FLASH;
    shard.fails(ErrorCode.BAD_SPAN_BODY, shaped(good, flash, Harness.PARITY, 0, 4096));
    shard.fails(ErrorCode.BAD_SPAN_BODY, shaped(good, flash, Harness.PARITY, 16, 4096));
    shard.fails(ErrorCode.BAD_SPAN_BODY, shaped(good, flash, Parity.of(0, 3), 2, 4096));
    shard.fails(ErrorCode.BAD_SPAN_BODY, shaped(good, flash, Harness.PARITY, 2, 4095));
    shard.fails(ErrorCode.BAD_SPAN_BODY, shaped(good, flash, Harness.PARITY, 2, 0));
    shard.fails(ErrorCode.BAD_SPAN_BODY, shaped(good, flash, Harness.PARITY, 2, 100 << 20));
    shard.fails(ErrorCode.BAD_SPAN_BODY, shaped(good, flash, Harness.PARITY, 1, 4096));
    int[] crcs = good.crcs().clone();
    crcs[2]++;
    shard.fails(ErrorCode.BAD_SPAN_BODY, withCrcs(good, crcs));
    shard.fails(ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES, shaped(good, 7, Harness.PARITY, 2, 4096));
    shard.fails(ErrorCode.SPAN_NOT_FOUND, changed(good, id, cookie, 4096, good.size()));
    shard.write(good);
    shard.fails(ErrorCode.LAST_SPAN_STATE_NOT_CLEAN, Harness.span(file, good.size(), 1, 3));
  }

  private static AddSpanInitiateRequest changed(
      AddSpanInitiateRequest r, long id, long cookie, long offset, long size) {
    return new AddSpanInitiateRequest(
        id,
        cookie,
        offset,
        size,
        r.crc(),
        r.storageClass(),
        r.blacklist(),
        r.parity(),
        r.stripes(),
        r.cellSize(),
        r.crcs());
  }

  private static AddSpanInitiateRequest shaped(
      AddSpanInitiateRequest r, int storageClass, int parity, int stripes, long cellSize) {
    return new AddSpanInitiateRequest(
        r.fileId(),
        r.cookie(),
        r.byteOffset(),
        r.size(),
        r.crc(),
        storageClass,
        r.blacklist(),
        parity,
        stripes,
        cellSize,
        r.crcs());
  }

  private static AddSpanInitiateRequest withCrcs(AddSpanInitiateRequest r, int[] crcs) {
    return new AddSpanInitiateRequest(
        r.fileId(),
        r.cookie(),
        r.byteOffset(),
        r.size(),
        r.crc(),
        r.storageClass(),
        r.blacklist(),
        r.parity(),
        r.stripes(),
        r.cellSize(),
        crcs);
  }

  @Test
  void spanOfBlocksFromInitiateToLink() throws EggsException {
    ConstructFileResponse file = shard.construct();
    AddSpanInitiateRequest request = Harness.span(file, 0, 1, 5);
    List<AddSpanInitiateBlockInfo> blocks =
        ((AddSpanInitiateResponse) shard.write(request)).blocks();
    assertEquals(3, blocks.size());
    int[] crcs = request.crcs();
    for (int i = 0; i < 3; i++) {
      AddSpanInitiateBlockInfo block = blocks.get(i);
      assertEquals(
          Certificates.writeCertificate(
              Harness.key(block.blockServiceId()),
              block.blockServiceId(),
              block.blockId(),
              crcs[i],
              4096),
          block.certificate());
      assertEquals(SHARD, block.blockId() & 0xff);
      assertTrue(i == 0 || block.blockId() > blocks.get(i - 1).blockId());
      assertEquals((int) block.blockServiceId(), block.blockServiceAddrs().addr1().port());
    }
    // A repeat gets the same blocks, also when nothing could be picked any more.
    assertEquals(blocks, ((AddSpanInitiateResponse) shard.write(request)).blocks());
    BlockServices known = shard.services;
    shard.services = known.withCurrent(new long[0]);
    assertEquals(blocks, ((AddSpanInitiateResponse) shard.write(request)).blocks());
    shard.services = known;
    LinkFileRequest link =
        new LinkFileRequest(file.id(), file.cookie(), InodeIds.ROOT, bytes("file"));
    shard.fails(ErrorCode.LAST_SPAN_STATE_NOT_CLEAN, link);
    shard.write(shard.certify(file, 0, blocks));
    shard.write(shard.certify(file, 0, blocks));
    assertEquals(blocks, ((AddSpanInitiateResponse) shard.write(request)).blocks());
    long created = ((LinkFileResponse) shard.write(link)).creationTime();
    assertEquals(created, ((LinkFileResponse) shard.write(link)).creationTime());
    assertEquals(new LookupResponse(file.id(), created), shard.lookup(InodeIds.ROOT, "file"));
    FetchedBlocksSpan body = (FetchedBlocksSpan) spans(file.id()).getFirst().body();
    assertEquals(
        blocks.stream().map(AddSpanInitiateBlockInfo::blockId).toList(),
        body.blocks().stream().map(FetchedBlock::blockId).toList());
  }

  @Test
  void theThreeInitiatesAnswerInTheirOwnKind() throws EggsException {
    ConstructFileResponse reference = shard.construct();
    List<AddSpanInitiateBlockInfo> first = shard.addSpan(reference, 0, 1);
    ConstructFileResponse file = shard.construct();
    AddSpanInitiateRequestBody body = body(Harness.span(file, 0, 1, 2));
    AddSpanInitiateWithReferenceResponse near =
        (AddSpanInitiateWithReferenceResponse)
            shard.write(new AddSpanInitiateWithReferenceRequest(body, reference.id()));
    // P26: the reference's services as long as they are candidates, in their places.
    assertEquals(
        first.stream().map(AddSpanInitiateBlockInfo::blockServiceId).toList(),
        near.resp().blocks().stream().map(AddSpanInitiateBlockInfo::blockServiceId).toList());
    ConstructFileResponse far = shard.construct();
    AddSpanAtLocationInitiateResponse remote =
        (AddSpanAtLocationInitiateResponse)
            shard.write(
                new AddSpanAtLocationInitiateRequest(
                    1,
                    new AddSpanInitiateWithReferenceRequestBody(
                        body(Harness.span(far, 0, 1, 3)), InodeIds.NULL)));
    for (AddSpanInitiateBlockInfo block : remote.resp().blocks()) {
      assertTrue(block.blockServiceId() > 1000, "a service of location 1");
    }
    shard.fails(
        ErrorCode.TYPE_IS_DIRECTORY, new AddSpanInitiateWithReferenceRequest(body, InodeIds.ROOT));
  }

  private static AddSpanInitiateRequestBody body(AddSpanInitiateRequest r) {
    return new AddSpanInitiateRequestBody(
        r.fileId(),
        r.cookie(),
        r.byteOffset(),
        r.size(),
        r.crc(),
        r.storageClass(),
        r.blacklist(),
        r.parity(),
        r.stripes(),
        r.cellSize(),
        r.crcs());
  }

  @Test
  void certifyChecks() throws EggsException {
    ConstructFileResponse file = shard.construct();
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND,
        new AddSpanCertifyRequest(file.id(), file.cookie(), 0, List.of()));
    List<AddSpanInitiateBlockInfo> blocks = shard.initiate(file, 0, 1);
    AddSpanCertifyRequest good = shard.certify(file, 0, blocks);
    shard.fails(
        ErrorCode.BAD_COOKIE,
        new AddSpanCertifyRequest(file.id(), file.cookie() + 1, 0, good.proofs()));
    shard.fails(
        ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS,
        new AddSpanCertifyRequest(file.id(), file.cookie(), 0, good.proofs().subList(0, 2)));
    List<BlockProof> turned = new ArrayList<>(good.proofs());
    Collections.rotate(turned, 1);
    shard.fails(
        ErrorCode.BAD_BLOCK_PROOF, new AddSpanCertifyRequest(file.id(), file.cookie(), 0, turned));
    List<BlockProof> wrong = new ArrayList<>(good.proofs());
    wrong.set(1, new BlockProof(wrong.get(1).blockId(), wrong.get(1).proof() + 1));
    shard.fails(
        ErrorCode.BAD_BLOCK_PROOF, new AddSpanCertifyRequest(file.id(), file.cookie(), 0, wrong));
    // A leader that does not know the services cannot judge.
    BlockServices known = shard.services;
    shard.services = BlockServices.EMPTY;
    shard.fails(ErrorCode.BAD_BLOCK_PROOF, good);
    shard.services = known;
    shard.write(good);
    // Of a clean span nothing is asked any more.
    shard.write(new AddSpanCertifyRequest(file.id(), file.cookie(), 0, List.of()));
  }

  @Test
  void staleVerdictsCountAsBadProofs() throws EggsException {
    ConstructFileResponse file = shard.construct();
    AddSpanCertifyRequest early = new AddSpanCertifyRequest(file.id(), file.cookie(), 0, List.of());
    // Judged before the span was there: an empty list of verdicts.
    LogEntry judged = shard.prepare(early, false);
    List<AddSpanInitiateBlockInfo> blocks = shard.initiate(file, 0, 1);
    LogEntry good = shard.prepare(shard.certify(file, 0, blocks), false);
    Operation.Certify certify = (Operation.Certify) good.operation();
    Operation.Certify unjudged =
        new Operation.Certify(
            certify.request(), certify.deadline(), new long[0], new long[0], new byte[0]);
    Harness.assertError(
        ErrorCode.BAD_BLOCK_PROOF,
        () -> shard.apply(new LogEntry(good.time(), RequestOrder.NONE, unjudged)));
    assertEquals(0, ((Operation.Certify) judged.operation()).verdicts().length);
    shard.apply(good);
  }

  @Test
  void linkChecksInOrder() throws EggsException {
    ConstructFileResponse file = shard.construct();
    long id = file.id();
    long cookie = file.cookie();
    byte[] name = bytes("name");
    shard.fails(ErrorCode.TYPE_IS_NOT_DIRECTORY, new LinkFileRequest(id, 0, id, name));
    shard.fails(ErrorCode.BAD_SHARD, new LinkFileRequest(id, 0, InodeIds.ROOT + 1, name));
    shard.fails(ErrorCode.BAD_SHARD, new LinkFileRequest(id + 1, 0, InodeIds.ROOT, name));
    shard.fails(ErrorCode.BAD_COOKIE, new LinkFileRequest(id, cookie + 1, InodeIds.ROOT, name));
    for (String bad : List.of("", ".", "..", "a/b", "a\0b")) {
      shard.fails(ErrorCode.BAD_NAME, new LinkFileRequest(id, cookie, InodeIds.ROOT, bytes(bad)));
    }
    shard.fails(
        ErrorCode.DIRECTORY_NOT_FOUND, new LinkFileRequest(id, cookie, shard.directory(99), name));
    shard.link(file, InodeIds.ROOT, "name");
    // Another name for a file that is linked already.
    shard.fails(
        ErrorCode.FILE_NOT_FOUND, new LinkFileRequest(id, cookie, InodeIds.ROOT, bytes("other")));
    // Overwriting makes an owned snapshot.
    ConstructFileResponse newer = shard.construct();
    shard.link(newer, InodeIds.ROOT, "name");
    assertEquals(newer.id(), shard.lookup(InodeIds.ROOT, "name").targetId());
    FullReadDirResponse past =
        (FullReadDirResponse)
            shard.read(new FullReadDirRequest(InodeIds.ROOT, 0, new byte[0], 0, 0, 0));
    assertEquals(InodeIds.withExtra(id, true), past.results().getFirst().targetId());
    // The name was replaced since.
    shard.fails(ErrorCode.FILE_NOT_FOUND, new LinkFileRequest(id, cookie, InodeIds.ROOT, name));
  }

  @Test
  void moveSpan() throws EggsException {
    ConstructFileResponse from = shard.construct();
    ConstructFileResponse to = shard.construct();
    shard.addSpan(from, 0, 1);
    shard.addSpan(to, 0, 2);
    List<AddSpanInitiateBlockInfo> blocks = shard.initiate(from, 8192, 3);
    MoveSpanRequest move =
        new MoveSpanRequest(8192, from.id(), 8192, from.cookie(), to.id(), 8192, to.cookie());
    shard.fails(
        ErrorCode.BAD_COOKIE,
        new MoveSpanRequest(8192, from.id(), 8192, 0, to.id(), 8192, to.cookie()));
    shard.fails(
        ErrorCode.BAD_COOKIE,
        new MoveSpanRequest(8192, from.id(), 8192, from.cookie(), to.id(), 8192, 0));
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND,
        new MoveSpanRequest(4096, from.id(), 8192, from.cookie(), to.id(), 8192, to.cookie()));
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND,
        new MoveSpanRequest(8192, from.id(), 8192, from.cookie(), from.id(), 8192, from.cookie()));
    shard.write(move);
    shard.assertSound();
    shard.write(move);
    shard.write(shard.certify(to, 8192, blocks));
    shard.fails(ErrorCode.SPAN_NOT_FOUND, move);
    shard.link(from, InodeIds.ROOT, "from");
    shard.link(to, InodeIds.ROOT, "to");
    assertEquals(1, spans(from.id()).size());
    assertEquals(2, spans(to.id()).size());
  }

  @Test
  void nothingFollowsAShortSpan() throws EggsException {
    ConstructFileResponse from = shard.construct();
    ConstructFileResponse to = shard.construct();
    shard.initiate(from, 0, 1);
    shard.write(Harness.inline(to, 0, "short"));
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND,
        new MoveSpanRequest(8192, from.id(), 0, from.cookie(), to.id(), 5, to.cookie()));
  }

  @Test
  void scrapAndTimes() throws EggsException {
    ConstructFileResponse file = shard.construct();
    shard.fails(
        ErrorCode.FILE_IS_NOT_TRANSIENT,
        new ScrapTransientFileRequest(InodeIds.of(InodeIds.SYMLINK, 1, SHARD), 0));
    shard.fails(ErrorCode.BAD_COOKIE, new ScrapTransientFileRequest(file.id(), 0));
    shard.write(new ScrapTransientFileRequest(file.id(), file.cookie()));
    shard.write(new ScrapTransientFileRequest(file.id(), file.cookie()));
    shard.fails(ErrorCode.FILE_NOT_FOUND, Harness.inline(file, 0, "x"));
    shard.write(new RemoveInodeRequest(file.id()));
    shard.write(new RemoveInodeRequest(file.id()));
    shard.fails(ErrorCode.FILE_NOT_FOUND, new ScrapTransientFileRequest(file.id(), file.cookie()));

    ConstructFileResponse linked = shard.construct();
    shard.fails(ErrorCode.TYPE_IS_DIRECTORY, new SetTimeRequest(InodeIds.ROOT, 0, 0));
    shard.fails(ErrorCode.FILE_NOT_FOUND, new SetTimeRequest(linked.id(), 0, 0));
    shard.link(linked, InodeIds.ROOT, "f");
    shard.fails(ErrorCode.FILE_IS_NOT_TRANSIENT, new RemoveInodeRequest(linked.id()));
    long before = ((StatFileResponse) shard.read(new StatFileRequest(linked.id()))).atime();
    shard.write(new SetTimeRequest(linked.id(), 77 | Long.MIN_VALUE, 88));
    assertEquals(new StatFileResponse(77, before, 0), shard.read(new StatFileRequest(linked.id())));
    shard.write(new SetTimeRequest(linked.id(), 99, 88 | Long.MIN_VALUE));
    assertEquals(new StatFileResponse(77, 88, 0), shard.read(new StatFileRequest(linked.id())));
  }

  @Test
  void destroyingAFile() throws EggsException {
    ConstructFileResponse file = shard.construct();
    List<AddSpanInitiateBlockInfo> blocks = shard.addSpan(file, 0, 1);
    shard.write(Harness.inline(file, 8192, "tail"));
    RemoveSpanInitiateRequest remove = new RemoveSpanInitiateRequest(file.id(), file.cookie());
    // Nobody takes a file apart that may still be written, however far ahead his clock is.
    shard.fails(ErrorCode.DEADLINE_NOT_PASSED, remove);
    shard.write(new ScrapTransientFileRequest(file.id(), file.cookie()));
    RemoveSpanInitiateResponse tail = (RemoveSpanInitiateResponse) shard.write(remove);
    assertEquals(new RemoveSpanInitiateResponse(8192, List.of()), tail);
    shard.fails(
        ErrorCode.SPAN_NOT_FOUND,
        new RemoveSpanCertifyRequest(file.id(), file.cookie(), 0, List.of()));
    RemoveSpanInitiateResponse head = (RemoveSpanInitiateResponse) shard.write(remove);
    assertEquals(head, shard.write(remove));
    assertEquals(
        blocks.stream().map(AddSpanInitiateBlockInfo::blockId).toList(),
        head.blocks().stream().map(RemoveSpanInitiateBlockInfo::blockId).toList());
    RemoveSpanInitiateBlockInfo one = head.blocks().getFirst();
    assertEquals(
        Certificates.eraseCertificate(
            Harness.key(one.blockServiceId()), one.blockServiceId(), one.blockId()),
        one.certificate());
    // A condemned span cannot be certified, and the file neither linked nor continued.
    shard.fails(ErrorCode.FILE_NOT_FOUND, shard.certify(file, 0, blocks));
    shard.fails(ErrorCode.FILE_NOT_FOUND, Harness.inline(file, 8192, "x"));
    List<BlockProof> proofs = Harness.eraseProofs(head.blocks());
    shard.fails(
        ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS,
        new RemoveSpanCertifyRequest(file.id(), file.cookie(), 0, proofs.subList(0, 2)));
    List<BlockProof> more = new ArrayList<>(proofs);
    more.add(proofs.getFirst());
    shard.fails(
        ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS,
        new RemoveSpanCertifyRequest(file.id(), file.cookie(), 0, more));
    shard.fails(
        ErrorCode.BAD_BLOCK_PROOF,
        new RemoveSpanCertifyRequest(file.id(), file.cookie(), 0, Harness.writeProofs(blocks)));
    RemoveSpanCertifyRequest certify =
        new RemoveSpanCertifyRequest(file.id(), file.cookie(), 0, proofs);
    shard.write(certify);
    shard.write(certify);
    shard.fails(ErrorCode.FILE_EMPTY, remove);
    long service = blocks.getFirst().blockServiceId();
    assertEquals(
        0,
        ((BlockServiceFilesResponse) shard.read(new BlockServiceFilesRequest(service, 0)))
            .fileIds()
            .length);
  }

  @Test
  void anUnknownServiceIsShownAsDead() throws EggsException {
    ConstructFileResponse file = shard.construct();
    shard.addSpan(file, 0, 1);
    shard.services = BlockServices.EMPTY;
    LocalFileSpansResponse listed =
        (LocalFileSpansResponse) shard.read(new LocalFileSpansRequest(file.id(), 0, 0, 0));
    for (BlockService service : listed.blockServices()) {
      assertEquals(7, service.flags());
      assertEquals(0, service.addrs().addr1().port());
    }
    shard.write(new ScrapTransientFileRequest(file.id(), file.cookie()));
    RemoveSpanInitiateResponse removal =
        (RemoveSpanInitiateResponse)
            shard.write(new RemoveSpanInitiateRequest(file.id(), file.cookie()));
    assertEquals(7, removal.blocks().getFirst().blockServiceFlags());
    shard.services = Harness.services(Harness.SERVICES_PER_CLASS, 0);
  }

  @Test
  void requestsOfTheWrongSortAreTheHostsMistake() {
    assertThrows(IllegalArgumentException.class, () -> shard.write(new StatFileRequest(0)));
    assertThrows(IllegalArgumentException.class, () -> shard.read(new RemoveInodeRequest(0)));
    shard.fails(ErrorCode.NOT_AUTHORISED, new ShardSnapshotRequest(1));
    assertThrows(IllegalArgumentException.class, () -> shard.signed(new ShardSnapshotRequest(1)));
    shard.fails(
        ErrorCode.NOT_AUTHORISED,
        new MakeFileTransientRequest(InodeIds.of(InodeIds.FILE, 1, SHARD), bytes("")));
  }
}
