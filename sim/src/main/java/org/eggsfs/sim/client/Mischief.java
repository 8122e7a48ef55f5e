package org.eggsfs.sim.client;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanCrcs;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateResponse;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.RemoveSpanCertifyRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.struct.AddSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.protocol.struct.RemoveSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.TransientFile;
import org.eggsfs.sim.world.ClientMachine;
import org.eggsfs.sim.world.World;

/** What a shard must refuse: a false cookie, forged proofs, a name for what is not complete. */
final class Mischief {
  private static final int PAGE = 4096;
  private static final int DATA = 2;
  private static final int PARITY = Parity.of(DATA, 1);

  private final ClientMachine client;
  private final Session session;

  Mischief(ClientMachine client, Session session) {
    this.client = client;
    this.session = session;
  }

  /** Tries everything on one file, and gives it up. */
  void run(int shard) throws EggsException {
    World world = session.world();
    long start = world.scheduler().nowNanos();
    long clocksSet = world.clocksSet();
    ConstructFileResponse file =
        client.shard(shard, new ConstructFileRequest(InodeIds.FILE, new byte[0]));
    mustFail(
        shard, new ScrapTransientFileRequest(file.id(), file.cookie() + 1), ErrorCode.BAD_COOKIE);
    AddSpanInitiateRequest wrong = span(file, 1);
    mustFail(shard, wrong, ErrorCode.BAD_SPAN_BODY);
    AddSpanInitiateResponse handedOut = client.shard(shard, span(file, 0));
    List<BlockProof> forged =
        forged(handedOut.blocks().stream().map(AddSpanInitiateBlockInfo::blockId).toList());
    mustFail(
        shard,
        new AddSpanCertifyRequest(file.id(), file.cookie(), 0, forged),
        ErrorCode.BAD_BLOCK_PROOF);
    // The file is in the shard of some directory; the root need not be that one.
    for (long directory : session.knowledge().directories()) {
      if (InodeIds.shard(directory) == shard) {
        byte[] name = Knowledge.bytes(session.knowledge().name());
        mustFail(
            shard,
            new LinkFileRequest(file.id(), file.cookie(), directory, name),
            ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
        mustFail(
            shard, commit(file, directory, name, List.of()), ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
        mustFail(shard, commit(file, directory, name, forged), ErrorCode.BAD_BLOCK_PROOF);
        break;
      }
    }
    RemoveSpanInitiateRequest tooEarly = new RemoveSpanInitiateRequest(file.id(), file.cookie());
    if (isAccepted(shard, tooEarly, ErrorCode.DEADLINE_NOT_PASSED)
        && world.scheduler().nowNanos() - start < World.DEADLINE_NANOS / 2
        && world.clocksSet() == clocksSet) {
      world.fail("refusals", "a file loses its spans before its deadline: " + tooEarly);
    }
    client.shard(shard, new ScrapTransientFileRequest(file.id(), file.cookie()));
  }

  /** Claims without proof that the blocks of a condemned span are erased. */
  void claimErased(int shard, TransientFile file, RemoveSpanInitiateResponse span)
      throws EggsException {
    List<BlockProof> forged =
        forged(span.blocks().stream().map(RemoveSpanInitiateBlockInfo::blockId).toList());
    RemoveSpanCertifyRequest claim =
        new RemoveSpanCertifyRequest(file.id(), file.cookie(), span.byteOffset(), forged);
    if (isAccepted(shard, claim, ErrorCode.BAD_BLOCK_PROOF)) {
      // It is the answer, too, when another collector has brought the proofs meanwhile.
      for (RemoveSpanInitiateBlockInfo block : span.blocks()) {
        if (session.world().blockCrc(block.blockServiceId(), block.blockId()) != null) {
          session.world().fail("refusals", "a block is forgotten that is on its disk: " + claim);
        }
      }
    }
  }

  private static CommitFileRequest commit(
      ConstructFileResponse file, long directory, byte[] name, List<BlockProof> proofs) {
    return new CommitFileRequest(file.id(), file.cookie(), directory, name, false, 0, 0, 0, proofs);
  }

  private List<BlockProof> forged(List<Long> blocks) {
    List<BlockProof> proofs = new ArrayList<>();
    for (long block : blocks) {
      proofs.add(new BlockProof(block, session.world().random().nextLong()));
    }
    return proofs;
  }

  private AddSpanInitiateRequest span(ConstructFileResponse file, int error) {
    int first = (int) session.world().random().nextLong();
    int second = (int) session.world().random().nextLong();
    int[] crcs = {first, second, Crc32c.xor(first, second, PAGE)};
    int[] stripes = SpanCrcs.stripeCrcs(crcs, DATA + 1, DATA, PAGE);
    long size = (long) DATA * PAGE;
    return new AddSpanInitiateRequest(
        file.id(),
        file.cookie(),
        0,
        size,
        SpanCrcs.spanCrc(stripes, DATA, PAGE, size) + error,
        StorageClass.FLASH,
        List.of(),
        PARITY,
        1,
        PAGE,
        crcs);
  }

  private void mustFail(int shard, ShardRequest request, ErrorCode wanted) throws EggsException {
    if (isAccepted(shard, request, wanted)) {
      session.world().fail("refusals", "accepted although it must not be: " + request);
    }
  }

  private boolean isAccepted(int shard, ShardRequest request, ErrorCode wanted)
      throws EggsException {
    try {
      client.shard(shard, request);
      return true;
    } catch (EggsException e) {
      if (e.code() == wanted) {
        return false;
      }
      // Silence, or a deadline that has passed meanwhile.
      throw e;
    }
  }
}
