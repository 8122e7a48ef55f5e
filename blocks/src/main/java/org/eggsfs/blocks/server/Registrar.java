package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;

/**
 * Tells the shuckle about a server's disks and learns from it which are decommissioned (blocks.md
 * sections 4.1 to 4.5). A disk that fails its probe is left out, so that it becomes stale; one with
 * many I/O errors is set NO_WRITE, never decommissioned: that is an operator's decision.
 */
final class Registrar implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(Registrar.class.getName());

  private static final long RETRY_NANOS = 100_000_000L;
  private static final long RETRY_NANOS_MAX = 5_000_000_000L;

  /** Errors between two registrations that make a disk unfit for writes. */
  private static final int IO_ERRORS_MIN = 20;

  private static final int IO_ERROR_PERCENT = 10;

  private record Counts(long requests, long ioErrors) {}

  private final BlockServerConfig config;
  private final BlockServer server;
  private final BlocksRuntime runtime;
  private final ShuckleClient shuckle;
  private final Map<Long, Counts> lastCounts = new HashMap<>();
  private long retryNanos = RETRY_NANOS;
  private boolean alerted;
  private volatile boolean registered;
  private volatile boolean closed;

  Registrar(BlockServerConfig config, BlockServer server, BlocksRuntime runtime) {
    this.config = config;
    this.server = server;
    this.runtime = runtime;
    this.shuckle = new ShuckleClient(config.shuckleAddresses());
  }

  void start() {
    schedule(0);
  }

  boolean isRegistered() {
    return registered;
  }

  private void schedule(long nanos) {
    try {
      runtime
          .timer()
          .schedule(() -> runtime.workers().execute(this::run), nanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "the server is closing", e);
    }
  }

  private void run() {
    if (closed) {
      return;
    }
    try {
      register();
      learnFlags();
      judgeDisks();
      registered = true;
      alerted = false;
      retryNanos = RETRY_NANOS;
      long interval = config.registerInterval();
      schedule(interval + ThreadLocalRandom.current().nextLong(interval));
    } catch (IOException | EggsException | RuntimeException e) {
      if (!alerted && !closed) {
        alerted = true;
        LOGGER.log(
            System.Logger.Level.WARNING,
            "cannot register with the shuckle at "
                + config.shuckleAddresses()
                + " ("
                + e.getMessage()
                + "); trying again");
      }
      schedule(retryNanos);
      retryNanos = Math.min(2 * retryNanos, RETRY_NANOS_MAX);
    }
  }

  private void register() throws IOException, EggsException {
    FailureDomain domain =
        new FailureDomain(
            Arrays.copyOf(config.failureDomain().getBytes(StandardCharsets.UTF_8), 16));
    List<RegisterBlockServiceInfo> infos = new ArrayList<>();
    for (BlockService service : server.services()) {
      if (!service.isHealthy() && !service.probe()) {
        continue;
      }
      try {
        infos.add(
            new RegisterBlockServiceInfo(
                service.id,
                config.locationId(),
                Addresses.of(server.addresses()),
                service.storageClass,
                domain,
                service.secretKey,
                0,
                0,
                service.capacityBytes(),
                service.availableBytes(),
                service.blockCount.get(),
                path(service)));
      } catch (IOException e) {
        service.classify(e, "statistics");
        service.probe();
      }
    }
    shuckle.call(new RegisterBlockServicesRequest(infos));
  }

  private byte[] path(BlockService service) {
    byte[] path =
        (config.pathPrefix() + ":" + service.directory.toAbsolutePath())
            .getBytes(StandardCharsets.UTF_8);
    // The field holds 255 bytes; operators need the end of a path more than its beginning.
    return path.length <= 255 ? path : Arrays.copyOfRange(path, path.length - 255, path.length);
  }

  private void learnFlags() throws IOException, EggsException {
    AllBlockServicesDeprecatedResponse all = shuckle.call(new AllBlockServicesDeprecatedRequest());
    byte[] ours = Arrays.copyOf(config.failureDomain().getBytes(StandardCharsets.UTF_8), 16);
    for (BlockServiceDeprecatedInfo info : all.blockServices()) {
      boolean dead = (info.flags() & BlockServiceFlags.DECOMMISSIONED) != 0;
      boolean sameDomain = Arrays.equals(info.failureDomain().name(), ours);
      if (server.service(info.id()) != null) {
        if (dead) {
          server.markDecommissioned(info.id());
        }
      } else if (sameDomain && !dead && !registered) {
        LOGGER.log(
            System.Logger.Level.ERROR,
            "the shuckle knows block service "
                + Long.toHexString(info.id())
                + " ("
                + new String(info.path(), StandardCharsets.UTF_8)
                + ") of this failure domain, which is not served here; bring the disk back or"
                + " decommission it");
      }
    }
  }

  private void judgeDisks() throws IOException, EggsException {
    for (BlockService service : server.services()) {
      Counts now = new Counts(service.requests.sum(), service.ioErrors.sum());
      Counts before = lastCounts.put(service.id, now);
      if (before == null) {
        continue;
      }
      long errors = now.ioErrors - before.ioErrors;
      long requests = now.requests - before.requests;
      if (errors >= IO_ERRORS_MIN && errors * 100 > requests * IO_ERROR_PERCENT) {
        LOGGER.log(
            System.Logger.Level.ERROR,
            service.directory
                + ": "
                + errors
                + " I/O errors in "
                + requests
                + " requests; no more writes go there (NO_WRITE). Replace the disk and decommission"
                + " its block service");
        shuckle.call(
            new SetBlockServiceFlagsRequest(
                service.id, BlockServiceFlags.NO_WRITE, BlockServiceFlags.NO_WRITE));
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    shuckle.close();
  }
}
