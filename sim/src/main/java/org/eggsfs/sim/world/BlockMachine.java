package org.eggsfs.sim.world;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;

/**
 * A model of a block server with one disk: it checks certificates and gives proofs as the real one
 * does, keeps of each block its CRC and size, and loses what it has not synced when it dies. Its
 * disk may fail or be slow.
 */
final class BlockMachine extends Machine {
  private static final int PORT = 4000;
  private static final int KEY_SIZE = 16;
  private static final long SECOND = 1_000_000_000L;
  private static final long REGISTER_NANOS = 30 * SECOND;
  private static final long RETRY_NANOS = SECOND / 2;
  private static final double TRAVEL_NANOS_MEAN = 150_000;
  private static final double WRITE_NANOS_MEAN = 500_000;
  private static final double SLOW_NANOS_MEAN = 1_500_000_000;
  private static final long CALL_TIMEOUT_NANOS = 3 * SECOND;
  private static final long CAPACITY_BYTES = 1L << 40;

  /** What is kept of a block. */
  record Block(int crc, long size) {}

  /** How the disk does. */
  enum Weather {
    GOOD,
    SLOW,
    FAILING
  }

  private final byte[] secret = new byte[KEY_SIZE];
  private final CbcMac key;
  private final long id;
  private final Map<Long, Block> durable = new HashMap<>();
  private final Map<Long, Block> unsynced = new HashMap<>();
  private Weather weather = Weather.GOOD;

  BlockMachine(World world, int index) {
    super(world, Network.Role.BLOCKS, "blocks-" + index);
    for (int i = 0; i < KEY_SIZE; i++) {
      secret[i] = (byte) world.random().nextInt(256);
    }
    secret[0] = (byte) (index + 1);
    key = new CbcMac(secret);
    id = Certificates.blockServiceId(secret);
  }

  long id() {
    return id;
  }

  /** The block as it is on the disk, or null. */
  Block durable(long blockId) {
    return durable.get(blockId);
  }

  /** All blocks on the disk. */
  Set<Long> durableBlocks() {
    return durable.keySet();
  }

  void setWeather(Weather newer) {
    if (weather != newer) {
      weather = newer;
      world().trace(name(), "disk is ", newer);
    }
  }

  @Override
  void started() {
    register();
  }

  @Override
  void died() {
    // A block whose sync was under way may be there or not; its proof was never given.
    unsynced.forEach(
        (block, content) -> {
          if (world().random().nextInt(2) == 0) {
            durable.put(block, content);
          }
        });
    unsynced.clear();
  }

  private void register() {
    RegisterBlockServiceInfo info =
        new RegisterBlockServiceInfo(
            id,
            World.LOCATION,
            Addresses.of(address(PORT)),
            StorageClass.FLASH,
            new FailureDomain(Arrays.copyOf(name().getBytes(StandardCharsets.US_ASCII), KEY_SIZE)),
            secret,
            0,
            0,
            CAPACITY_BYTES,
            CAPACITY_BYTES,
            durable.size(),
            new byte[0]);
    world()
        .shuckle()
        .call(
            this,
            new RegisterBlockServicesRequest(List.of(info)),
            answer -> after(REGISTER_NANOS, this::register),
            () -> after(RETRY_NANOS, this::register));
  }

  private long travel() {
    return world().random().exponential(TRAVEL_NANOS_MEAN);
  }

  /** One call over a connection of {@code from}: it ends with a proof or with a failure. */
  private void call(Machine from, LongConsumer onProof, Runnable onFailure, Work work) {
    boolean[] over = {false};
    Runnable fail =
        () -> {
          if (!over[0]) {
            over[0] = true;
            onFailure.run();
          }
        };
    from.after(CALL_TIMEOUT_NANOS, fail);
    if (!isUp() || world().network().isBlocked(from, this)) {
      return;
    }
    after(
        travel() + (weather == Weather.SLOW ? world().random().exponential(SLOW_NANOS_MEAN) : 0),
        () -> {
          if (weather == Weather.FAILING) {
            from.after(travel(), fail);
            return;
          }
          work.run(
              proof ->
                  from.after(
                      travel(),
                      () -> {
                        if (!over[0]) {
                          over[0] = true;
                          onProof.accept(proof);
                        }
                      }),
              () -> from.after(travel(), fail));
        });
  }

  private interface Work {
    void run(LongConsumer answer, Runnable refuse);
  }

  /** Writes a block, syncs it and proves it. */
  void write(
      Machine from,
      long blockId,
      Block block,
      long certificate,
      LongConsumer onProof,
      Runnable onFailure) {
    call(
        from,
        onProof,
        onFailure,
        (answer, refuse) -> {
          long expected = Certificates.writeCertificate(key, id, blockId, block.crc, block.size);
          if (certificate != expected) {
            world().fail("blocks", "a shard gave out a certificate that does not fit its block");
            return;
          }
          Block there = durable.get(blockId);
          if (there != null && !there.equals(block)) {
            world().fail("blocks", "block " + blockId + " is given out for two contents");
            return;
          }
          unsynced.put(blockId, block);
          after(
              world().random().exponential(WRITE_NANOS_MEAN),
              () -> {
                unsynced.remove(blockId);
                durable.put(blockId, block);
                answer.accept(Certificates.writeProof(key, id, blockId));
              });
        });
  }

  /** Erases a block, whether it is there or not, and proves it. */
  void erase(
      Machine from, long blockId, long certificate, LongConsumer onProof, Runnable onFailure) {
    call(
        from,
        onProof,
        onFailure,
        (answer, refuse) -> {
          if (certificate != Certificates.eraseCertificate(key, id, blockId)) {
            refuse.run();
            return;
          }
          durable.remove(blockId);
          unsynced.remove(blockId);
          answer.accept(Certificates.eraseProof(key, id, blockId));
        });
  }
}
