package org.eggsfs.gc.scrub;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.eggsfs.client.blocks.BlockChannel;
import org.eggsfs.client.blocks.ControlOp;
import org.eggsfs.client.span.FailureMemory;
import org.eggsfs.gc.Pace;
import org.eggsfs.gc.repair.Disk;
import org.eggsfs.gc.repair.Disks;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * Lets block services check blocks, at the pace that was set for the process and for each block
 * service. The blocks of a span are checked at the same time. Thread-safe.
 */
final class BlockChecks {
  private static final System.Logger LOG = System.getLogger(BlockChecks.class.getName());

  private final BlockChannel channel;
  private final Disks disks;
  private final ScrubSettings settings;
  private final ScrubCounters counters;
  private final Pace blockPace;
  private final Pace bytePace;
  private final Map<Long, Lane> lanes = new ConcurrentHashMap<>();
  private final FailureMemory<Long> silentServices = new FailureMemory<>();

  BlockChecks(BlockChannel channel, Disks disks, ScrubSettings settings, ScrubCounters counters) {
    this.channel = channel;
    this.disks = disks;
    this.settings = settings;
    this.counters = counters;
    this.blockPace = new Pace(settings.blocksPerSecond());
    this.bytePace = new Pace(settings.bytesPerSecond());
  }

  /** What one block service may be asked. */
  private final class Lane {
    final Pace blocks = new Pace(settings.serviceBlocksPerSecond());
    final Pace bytes = new Pace(settings.serviceBytesPerSecond());
    final Semaphore places = new Semaphore(settings.serviceChecksAtOnce());
  }

  private record Asked(StoredBlock block, ControlOp op) {}

  /** The bad blocks of a span with what their block services say. */
  Map<StoredBlock, ErrorCode> check(StoredSpan span, ScrubListener listener)
      throws EggsException, IOException {
    List<StoredBlock> blocks = new ArrayList<>();
    for (StoredSpan.Copy copy : span.copies()) {
      for (StoredBlock block : copy.blocks()) {
        if (isToBeAsked(block, listener)) {
          blocks.add(block);
        }
      }
    }
    CountDownLatch done = new CountDownLatch(blocks.size());
    List<Asked> asked = new ArrayList<>();
    for (StoredBlock block : blocks) {
      asked.add(new Asked(block, ask(block, done)));
    }
    try {
      done.await();
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("checking blocks", e);
    }
    Map<StoredBlock, ErrorCode> bad = new LinkedHashMap<>();
    for (Asked one : asked) {
      judge(one, bad, listener);
    }
    return bad;
  }

  private boolean isToBeAsked(StoredBlock block, ScrubListener listener)
      throws EggsException, IOException {
    Disk disk = disks.get(block.service().id());
    if (disk.isDecommissioned()) {
      counters.decommissionedBlocks.increment();
      listener.unchecked(block, "its block service is decommissioned");
      return false;
    }
    if (!disk.isReadable()) {
      counters.skippedBlocks.increment();
      listener.unchecked(block, "its block service is not readable");
      return false;
    }
    if (silentServices.contains(disk.id(), System.nanoTime())) {
      counters.unreachableBlocks.increment();
      listener.unchecked(block, "its block service did not answer lately");
      return false;
    }
    return true;
  }

  private ControlOp ask(StoredBlock block, CountDownLatch done) throws EggsException, IOException {
    long service = block.service().id();
    AddrsInfo addrs = disks.get(service).addrs();
    Lane lane = lanes.computeIfAbsent(service, id -> new Lane());
    try {
      blockPace.acquire(1);
      bytePace.acquire(block.size());
      lane.blocks.acquire(1);
      lane.bytes.acquire(block.size());
      lane.places.acquire();
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("waiting for the turn of a block", e);
    }
    ControlOp op =
        ControlOp.check(
            addrs,
            service,
            block.blockId(),
            block.size(),
            block.crc(),
            finished -> {
              lane.places.release();
              done.countDown();
            });
    channel.submit(op);
    return op;
  }

  private void checked(StoredBlock block, ScrubListener listener) {
    counters.checkedBlocks.increment();
    counters.checkedBytes.add(block.size());
    listener.checked(block);
  }

  private void judge(Asked asked, Map<StoredBlock, ErrorCode> bad, ScrubListener listener) {
    StoredBlock block = asked.block;
    Exception failure = asked.op.failure();
    if (failure == null) {
      checked(block, listener);
      return;
    }
    if (failure instanceof EggsException e) {
      switch (e.code()) {
        case BLOCK_NOT_FOUND, BAD_BLOCK_CRC, BLOCK_IO_ERROR_FILE -> {
          checked(block, listener);
          bad.put(block, e.code());
          return;
        }
        default -> {
          // A broken disk is migration's business; the scrubber would drown in it.
        }
      }
    }
    counters.unreachableBlocks.increment();
    listener.unchecked(block, failure.toString());
    if (!silentServices.contains(block.service().id(), System.nanoTime())) {
      silentServices.add(block.service().id(), System.nanoTime());
      LOG.log(
          System.Logger.Level.WARNING,
          "block service {0} cannot check blocks, its blocks are left out for a minute: {1}",
          Long.toHexString(block.service().id()),
          failure.toString());
    }
  }
}
