package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;

/**
 * Tells the shuckle about a server's disks and learns from it which are decommissioned (blocks.md
 * sections 4.1 to 4.5): periodically, and within a second when a disk's state has changed.
 *
 * <p>A disk to be avoided is registered with NO_WRITE, and without it when it is well again. One
 * that has failed or hangs is registered with NO_WRITE once and then left out, so that it becomes
 * stale. No error decommissions a disk: that is an operator's decision. One virtual thread, which
 * never touches a disk.
 */
final class Registrar implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(Registrar.class.getName());

  private static final long RETRY_NANOS = 100_000_000L;
  private static final long RETRY_NANOS_MAX = 5_000_000_000L;

  /** Several disks of a machine tend to change together. */
  private static final long GATHER_MILLIS = 100;

  /** Bytes of a path that the message has room for. */
  private static final int PATH_MAX = 255;

  private final BlockServerConfig config;
  private final BlockServer server;
  private final ShuckleClient shuckle;
  private final FailureDomain domain;
  private final Semaphore wake = new Semaphore(0);
  private final Thread thread;

  // Of the thread.
  /** Whether a service was last registered as one to be avoided. */
  private final Map<Long, Boolean> toldToAvoid = new HashMap<>();

  private final Set<Long> heldBack = new HashSet<>();
  private final Set<Long> reportedMissing = new HashSet<>();
  private boolean alerted;

  private volatile boolean registered;
  private volatile boolean closed;

  Registrar(BlockServerConfig config, BlockServer server) {
    this.config = config;
    this.server = server;
    this.shuckle = new ShuckleClient(config.shuckleAddresses());
    this.domain =
        new FailureDomain(
            Arrays.copyOf(config.failureDomain().getBytes(StandardCharsets.UTF_8), 16));
    this.thread =
        Thread.ofVirtual().name("blocks-register-" + config.failureDomain()).unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  boolean isRegistered() {
    return registered;
  }

  /** Something has changed that others should know. */
  void registerSoon() {
    wake.release();
  }

  private void run() {
    long retryNanos = RETRY_NANOS;
    try {
      while (!closed) {
        wake.drainPermits();
        if (attempt()) {
          retryNanos = RETRY_NANOS;
          long interval = config.registerInterval();
          long pause = interval + ThreadLocalRandom.current().nextLong(interval);
          if (wake.tryAcquire(pause, TimeUnit.NANOSECONDS)) {
            Thread.sleep(GATHER_MILLIS);
          }
        } else {
          TimeUnit.NANOSECONDS.sleep(retryNanos);
          retryNanos = Math.min(2 * retryNanos, RETRY_NANOS_MAX);
        }
      }
    } catch (InterruptedException e) {
      // Closed.
      Thread.currentThread().interrupt();
    }
  }

  private boolean attempt() {
    try {
      AllBlockServicesDeprecatedResponse all =
          shuckle.call(new AllBlockServicesDeprecatedRequest());
      learn(all.blockServices());
      register();
      registered = true;
      alerted = false;
      return true;
    } catch (IOException | EggsException | RuntimeException | Error e) {
      if (!alerted && !closed) {
        alerted = true;
        LOGGER.log(
            System.Logger.Level.WARNING,
            "cannot register with the shuckle at {0} ({1}); trying again",
            config.shuckleAddresses(),
            e.getMessage() == null ? e : e.getMessage());
      }
      return false;
    }
  }

  private void register() throws IOException, EggsException {
    List<RegisterBlockServiceInfo> infos = new ArrayList<>();
    Map<Long, Boolean> telling = new HashMap<>();
    for (BlockService service : server.services()) {
      DiskState state = service.health.state();
      Boolean told = toldToAvoid.get(service.id);
      boolean goesSilent = !state.isServed() && Boolean.TRUE.equals(told);
      if (!goesSilent && !heldBack.contains(service.id)) {
        infos.add(info(service, state.isAvoided(), told));
        telling.put(service.id, state.isAvoided());
      }
    }
    shuckle.call(new RegisterBlockServicesRequest(infos));
    toldToAvoid.putAll(telling);
  }

  /**
   * NO_WRITE is mentioned only when it is to be set or to be taken back, and once after a start, as
   * an earlier process may have set it.
   */
  private RegisterBlockServiceInfo info(BlockService service, boolean avoid, Boolean told) {
    boolean mention = avoid || !Boolean.FALSE.equals(told);
    return new RegisterBlockServiceInfo(
        service.id,
        config.locationId(),
        Addresses.of(server.addresses()),
        service.storageClass,
        domain,
        service.secretKey,
        avoid ? BlockServiceFlags.NO_WRITE : 0,
        mention ? BlockServiceFlags.NO_WRITE : 0,
        service.health.capacityBytes(),
        service.health.availableBytes(),
        service.counter.count(),
        path(service));
  }

  private byte[] path(BlockService service) {
    byte[] path =
        (config.pathPrefix() + ":" + service.directory.toAbsolutePath())
            .getBytes(StandardCharsets.UTF_8);
    // Operators need the end of a path more than its beginning.
    return path.length <= PATH_MAX
        ? path
        : Arrays.copyOfRange(path, path.length - PATH_MAX, path.length);
  }

  private void learn(List<BlockServiceDeprecatedInfo> all) {
    Map<Long, BlockServiceDeprecatedInfo> known = new HashMap<>();
    for (BlockServiceDeprecatedInfo info : all) {
      known.put(info.id(), info);
      boolean dead = (info.flags() & BlockServiceFlags.DECOMMISSIONED) != 0;
      BlockService service = server.service(info.id());
      if (service != null) {
        service.counter.remember(info.blocks());
        if (dead) {
          server.markDecommissioned(info.id());
        }
      } else if (info.failureDomain().equals(domain) && !dead && isOurs(info.path())) {
        reportMissing(info);
      }
    }
    for (BlockService service : server.services()) {
      if (!known.containsKey(service.id) && replacesLive(service, all)) {
        holdBack(service);
      } else if (heldBack.remove(service.id)) {
        LOGGER.log(
            System.Logger.Level.INFO, "block service {0} is registered now", service.directory);
      }
    }
  }

  private boolean isOurs(byte[] path) {
    return new String(path, StandardCharsets.UTF_8).startsWith(config.pathPrefix() + ":");
  }

  private void reportMissing(BlockServiceDeprecatedInfo info) {
    if (reportedMissing.add(info.id())) {
      LOGGER.log(
          System.Logger.Level.ERROR,
          "the shuckle knows block service 0x{0} ({1}) of this failure domain, which is not served"
              + " here; bring the disk back or decommission it",
          Long.toHexString(info.id()),
          new String(info.path(), StandardCharsets.UTF_8));
    }
  }

  /** A disk that is not mounted leaves an empty directory, which looks like a new disk. */
  private boolean replacesLive(BlockService service, List<BlockServiceDeprecatedInfo> all) {
    byte[] path = path(service);
    for (BlockServiceDeprecatedInfo info : all) {
      if (info.failureDomain().equals(domain)
          && (info.flags() & BlockServiceFlags.DECOMMISSIONED) == 0
          && server.service(info.id()) == null
          && Arrays.equals(info.path(), path)) {
        return true;
      }
    }
    return false;
  }

  private void holdBack(BlockService service) {
    if (heldBack.add(service.id)) {
      LOGGER.log(
          System.Logger.Level.ERROR,
          "{0} holds a new block service where another one was: is the disk not mounted? It is not"
              + " used until the one before is decommissioned, or back",
          service.directory);
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    shuckle.close();
  }
}
