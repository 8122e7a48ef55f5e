package org.eggsfs.cdc.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.net.ShuckleTasks;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.LocalShardsRequest;
import org.eggsfs.protocol.shuckle.LocalShardsResponse;
import org.eggsfs.protocol.shuckle.RegisterCdcRequest;

/**
 * The background work of the CDC, on one thread (cdc.md section 10): registers with the shuckle,
 * fetches the shards' addresses, makes checkpoints.
 */
final class Maintenance implements AutoCloseable {
  private static final long RETRY_NANOS_FIRST = 50_000_000L;
  private static final long RETRY_NANOS_MAX = 1_000_000_000L;

  /** Between two fetches that silent shards ask for. */
  private static final long EXTRA_REFRESH_NANOS = 1_000_000_000L;

  private static final int REPLICA = 0;

  private final CdcConfig config;
  private final List<InetSocketAddress> addresses;
  private final ShardAddresses shards;
  private final ShuckleClient shuckle;
  private final ShuckleTasks tasks;
  private final AtomicBoolean extraRefresh = new AtomicBoolean();
  private long registerRetry = RETRY_NANOS_FIRST;
  private long refreshRetry = RETRY_NANOS_FIRST;
  private volatile boolean registered;

  Maintenance(CdcConfig config, List<InetSocketAddress> addresses, ShardAddresses shards) {
    this.config = config;
    this.addresses = addresses;
    this.shards = shards;
    this.tasks = new ShuckleTasks("cdc-maintenance", config.shuckleAddresses());
    this.shuckle = tasks.shuckle();
  }

  void start() {
    execute(
        () -> {
          register();
          refresh();
        });
  }

  void execute(Runnable task) {
    tasks.execute(task);
  }

  boolean isReady() {
    return registered && shards.isComplete();
  }

  /** Fetches the addresses soon: a shard that does not answer may have moved. Any thread. */
  void refreshSoon() {
    if (extraRefresh.compareAndSet(false, true)) {
      tasks.schedule(
          () -> {
            try {
              fetch();
            } catch (IOException | EggsException | RuntimeException e) {
              tasks.failed("cannot fetch the shards' addresses from the shuckle", e);
            }
          },
          0);
      tasks.schedule(() -> extraRefresh.set(false), EXTRA_REFRESH_NANOS);
    }
  }

  /** Periods are spread: one to two times the configured one. */
  private static long jittered(long nanos) {
    return nanos + (long) (ThreadLocalRandom.current().nextDouble() * nanos);
  }

  private void register() {
    try {
      shuckle.call(
          new RegisterCdcRequest(REPLICA, config.locationId(), true, Addresses.of(addresses)));
      registered = true;
      registerRetry = RETRY_NANOS_FIRST;
      tasks.schedule(this::register, jittered(config.registerInterval()));
    } catch (IOException | EggsException | RuntimeException e) {
      tasks.failed("cannot register with the shuckle", e);
      tasks.schedule(this::register, registerRetry);
      registerRetry = Math.min(2 * registerRetry, RETRY_NANOS_MAX);
    }
  }

  private void refresh() {
    try {
      fetch();
      tasks.worked();
    } catch (IOException | EggsException | RuntimeException e) {
      tasks.failed("cannot fetch the shards' addresses from the shuckle", e);
    }
    if (shards.isComplete()) {
      refreshRetry = RETRY_NANOS_FIRST;
      tasks.schedule(this::refresh, jittered(config.refreshInterval()));
    } else {
      // A young cluster's shards register at any moment.
      tasks.schedule(this::refresh, refreshRetry);
      refreshRetry = Math.min(2 * refreshRetry, RETRY_NANOS_MAX);
    }
  }

  private void fetch() throws IOException, EggsException {
    LocalShardsResponse response = shuckle.call(new LocalShardsRequest());
    shards.install(response.shards());
  }

  @Override
  public void close() {
    tasks.close();
  }
}
