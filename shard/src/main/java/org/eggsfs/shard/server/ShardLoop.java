package org.eggsfs.shard.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.eggsfs.consensus.GroupCommitter;
import org.eggsfs.core.CbcMac;
import org.eggsfs.net.HostClock;
import org.eggsfs.net.Outlet;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.store.KeyValueStore;

/**
 * An event loop: one thread that owns some shards and everything about them. Each turn it drains
 * the readable sockets into its {@link ShardEngine}, which answers reads, applies writes and gives
 * the turn's changes to the committer in one piece. It never waits for the disk except to read.
 */
final class ShardLoop implements Runnable {
  private static final System.Logger LOGGER = System.getLogger(ShardLoop.class.getName());

  /** Datagrams taken from one socket in one turn, so that a busy shard does not starve others. */
  private static final int DATAGRAMS_PER_TURN = 64;

  /** A turn is due so often, whether something has arrived or not. */
  private static final long TURN_MILLIS_MAX = ShardEngine.SNAPSHOT_AGE_MAX_NANOS / 1_000_000;

  /** A datagram of the maximum size and one byte more, to tell an oversized one. */
  private static final int RECEIVE_BUFFER_SIZE = ProtocolConstants.MAX_UDP_MTU + 1;

  private record Origin(HostedShard shard, DatagramChannel channel, Outlet outlet) {}

  private final Selector selector;
  private final ShardEngine engine;
  private final Runnable onFailure;
  private final ByteBuffer received = Frames.directBuffer(RECEIVE_BUFFER_SIZE);
  private final List<DatagramChannel> channels = new ArrayList<>();
  private volatile boolean stopping;

  ShardLoop(
      KeyValueStore store,
      GroupCommitter committer,
      CbcMac cdcKey,
      ShardEngine.SnapshotMaker snapshotMaker,
      Runnable onFailure)
      throws IOException {
    this.onFailure = onFailure;
    this.selector = Selector.open();
    Random random = new Random(new SecureRandom().nextLong());
    this.engine =
        new ShardEngine(
            store,
            committer,
            cdcKey,
            snapshotMaker,
            HostClock.SYSTEM,
            random::nextDouble,
            selector::wakeup);
  }

  /** Adds a shard; before the loop runs. */
  void add(HostedShard shard, List<DatagramChannel> shardChannels) throws ClosedChannelException {
    for (DatagramChannel channel : shardChannels) {
      channels.add(channel);
      Origin origin = new Origin(shard, channel, (frame, to) -> send(channel, frame, to));
      channel.register(selector, SelectionKey.OP_READ, origin);
    }
  }

  /** Requests so far: reads, writes, malformed datagrams. Any thread. */
  void addCountersTo(long[] totals) {
    totals[0] += engine.reads.sum();
    totals[1] += engine.writes.sum();
    totals[2] += engine.malformed.sum();
  }

  /** What the loop's engine counts. Any thread. */
  ShardEngine engine() {
    return engine;
  }

  /** Ends the loop after this turn; unanswered requests stay unanswered. */
  void stop() {
    stopping = true;
    selector.wakeup();
  }

  @Override
  public void run() {
    try {
      while (!stopping) {
        selector.select(this::receiveAll, TURN_MILLIS_MAX);
        engine.runTasks();
        engine.submit();
        engine.sendDurable();
      }
    } catch (IOException | RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "an event loop failed; its shards are gone", e);
      onFailure.run();
    } finally {
      close();
    }
  }

  private void receiveAll(SelectionKey key) {
    Origin origin = (Origin) key.attachment();
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
      received.clear();
      InetSocketAddress source;
      try {
        source = (InetSocketAddress) origin.channel.receive(received);
      } catch (IOException | CancelledKeyException e) {
        // An ICMP error of an earlier answer can surface here; the socket itself is fine.
        LOGGER.log(System.Logger.Level.DEBUG, "receive on shard " + origin.shard.number, e);
        return;
      }
      if (source == null) {
        return;
      }
      received.flip();
      engine.receive(origin.shard, origin.outlet, source, received);
    }
  }

  /** A lost answer is the client's to ask for again. */
  private static void send(DatagramChannel channel, ByteBuffer frame, InetSocketAddress target) {
    try {
      channel.send(frame, target);
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "an answer to " + target + " was not sent", e);
    }
  }

  private void close() {
    for (DatagramChannel channel : channels) {
      try {
        channel.close();
      } catch (IOException e) {
        LOGGER.log(System.Logger.Level.DEBUG, "closing a socket", e);
      }
    }
    try {
      selector.close();
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "closing a selector", e);
    }
    engine.close();
  }
}
