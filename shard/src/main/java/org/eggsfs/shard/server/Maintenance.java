package org.eggsfs.shard.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.net.ShuckleTasks;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.RegisterShardRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;

/**
 * The background work of a host, on one thread (shard.md section 4.11): registers all shards with
 * the shuckle and keeps the block service cache fresh. The last good answer is kept on disk, so
 * that a restart does not depend on the shuckle.
 */
final class Maintenance implements AutoCloseable {
  private static final long RETRY_NANOS_FIRST = 50_000_000L;
  private static final long RETRY_NANOS_MAX = 2_000_000_000L;

  private final ShardHostConfig config;
  private final List<HostedShard> shards;
  private final ShuckleClient shuckle;
  private final BlockServiceFile file;
  private final ShuckleTasks tasks;
  private long registerRetry = RETRY_NANOS_FIRST;
  private long refreshRetry = RETRY_NANOS_FIRST;
  private volatile boolean registered;
  private volatile boolean assigned;

  Maintenance(ShardHostConfig config, List<HostedShard> shards) {
    this.config = config;
    this.shards = shards;
    this.tasks = new ShuckleTasks("shard-maintenance", config.shuckleAddresses());
    this.shuckle = tasks.shuckle();
    Path directory = config.dataDirectory();
    this.file = new BlockServiceFile(directory.resolve("block-services"));
  }

  /**
   * Takes over what was known of block services before the last stop, before the shards serve.
   * Without it they answer nothing about blocks until the shuckle has answered.
   */
  void recall() {
    file.load().ifPresent(content -> content.installInto(shards));
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
    return registered && assigned;
  }

  /** Periods are spread so that many hosts do not ask at the same moment. */
  private static long jittered(long nanos) {
    return nanos + (long) (ThreadLocalRandom.current().nextDouble() * 0.5 * nanos);
  }

  private void register() {
    try {
      List<ShuckleRequest> requests = new ArrayList<>();
      for (HostedShard shard : shards) {
        requests.add(
            new RegisterShardRequest(
                shard.number, true, Addresses.of(shard.addresses), config.locationId()));
      }
      for (ShuckleClient.Outcome outcome : shuckle.callAll(requests)) {
        outcome.get();
      }
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
      AllBlockServicesDeprecatedResponse all =
          shuckle.call(new AllBlockServicesDeprecatedRequest());
      List<ShuckleRequest> requests = new ArrayList<>();
      for (HostedShard shard : shards) {
        requests.add(new ShardBlockServicesRequest(shard.number));
      }
      List<ShardBlockServicesResponse> current = new ArrayList<>();
      for (ShuckleClient.Outcome outcome : shuckle.callAll(requests)) {
        current.add((ShardBlockServicesResponse) outcome.get());
      }
      BlockServiceFile.Content content = BlockServiceFile.Content.of(all, shards, current);
      try {
        // First: the next process must know every service that this one gives blocks of.
        file.save(content);
      } finally {
        content.installInto(shards);
      }
      assigned = current.stream().noneMatch(answer -> answer.blockServices().isEmpty());
      tasks.worked();
    } catch (IOException | EggsException | RuntimeException e) {
      tasks.failed("cannot fetch the block services from the shuckle", e);
      tasks.schedule(this::refresh, backOff());
      return;
    }
    if (assigned) {
      refreshRetry = RETRY_NANOS_FIRST;
      tasks.schedule(this::refresh, jittered(config.refreshInterval()));
    } else {
      // A young cluster gets its first assignment at any moment.
      tasks.schedule(this::refresh, Math.min(backOff(), config.refreshInterval()));
    }
  }

  private long backOff() {
    long wait = refreshRetry;
    refreshRetry = Math.min(2 * refreshRetry, RETRY_NANOS_MAX);
    return wait;
  }

  @Override
  public void close() {
    tasks.close();
  }
}
