package org.eggsfs.run;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shuckle.ShardBlockServicesRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesResponse;
import org.eggsfs.protocol.struct.BlockServiceInfoShort;

/**
 * Waits until the shuckle has given every shard enough block services to write to. Shards are
 * started after that, so that the first list they fetch is a full one: they look again only after
 * seconds, and an instance that says it is ready must take a write at once.
 */
final class Assignment {
  /** Failure domains of a span of the default policy. */
  private static final int DOMAINS_WANTED = 14;

  /** With too little space on the disks the shuckle never assigns so many. */
  private static final long WAIT_NANOS_MAX = 20_000_000_000L;

  private static final long POLL_NANOS = 10_000_000L;

  private Assignment() {}

  /** Waits, within limits, for {@code registered} and then for the assignment. */
  static void await(
      InetSocketAddress shuckle, InstanceShape shape, BooleanSupplier registered, Lifetime lifetime)
      throws IOException {
    long end = System.nanoTime() + WAIT_NANOS_MAX;
    while (!registered.getAsBoolean() && goOn(end, lifetime)) {
      LockSupport.parkNanos(POLL_NANOS);
    }
    int wanted =
        Math.min(DOMAINS_WANTED, shape.domains(StorageClass.HDD))
            + Math.min(DOMAINS_WANTED, shape.domains(StorageClass.FLASH));
    try (ShuckleClient client = new ShuckleClient(List.of(shuckle))) {
      int shard = 0;
      while (shard < ProtocolConstants.SHARD_COUNT && goOn(end, lifetime)) {
        ShardBlockServicesResponse answer = client.call(new ShardBlockServicesRequest(shard));
        if (domains(answer) >= wanted) {
          shard++;
        } else {
          LockSupport.parkNanos(POLL_NANOS);
        }
      }
    } catch (EggsException e) {
      throw new IOException("the shuckle does not tell its assignment: " + e.getMessage(), e);
    }
  }

  private static boolean goOn(long end, Lifetime lifetime) {
    return System.nanoTime() < end && !lifetime.isEnding();
  }

  private static int domains(ShardBlockServicesResponse answer) {
    Set<List<Object>> domains = new HashSet<>();
    for (BlockServiceInfoShort service : answer.blockServices()) {
      domains.add(List.of(service.storageClass(), Arrays.hashCode(service.failureDomain().name())));
    }
    return domains.size();
  }
}
