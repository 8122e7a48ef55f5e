package org.eggsfs.cdc.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
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
 * The CDC's event loop: one thread that owns the sockets and the {@link CdcEngine} with the state
 * and everything in flight. Each turn it drains the sockets into the engine, which goes on applying
 * while commits are under way.
 */
final class CdcLoop implements Runnable, AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(CdcLoop.class.getName());

  /** Datagrams taken from one socket in one turn. */
  private static final int DATAGRAMS_PER_TURN = 256;

  /** A datagram of the maximum size and one byte more, to tell an oversized one. */
  private static final int RECEIVE_BUFFER_SIZE = ProtocolConstants.MAX_UDP_MTU + 1;

  /** What a socket is for. */
  private interface Receiver {
    void receive(InetSocketAddress source);
  }

  private record Socket(DatagramChannel channel, Receiver receiver) {}

  private final List<DatagramChannel> channels = new ArrayList<>();
  private final Runnable onFailure;
  private final Selector selector;
  private final ByteBuffer received = Frames.directBuffer(RECEIVE_BUFFER_SIZE);
  private final CdcEngine engine;
  private volatile boolean stopping;

  CdcLoop(
      CdcConfig config,
      KeyValueStore store,
      GroupCommitter committer,
      CdcEngine.ShardDirectory shardDirectory,
      List<DatagramChannel> clientChannels,
      List<DatagramChannel> shardChannels,
      CdcEngine.SnapshotMaker snapshotMaker,
      Runnable onFailure)
      throws IOException {
    this.onFailure = onFailure;
    this.channels.addAll(clientChannels);
    this.channels.addAll(shardChannels);
    SecureRandom secureRandom = new SecureRandom();
    Random random = new Random(secureRandom.nextLong());
    List<Outlet> clientOutlets = clientChannels.stream().map(CdcLoop::outlet).toList();
    List<Outlet> shardOutlets = shardChannels.stream().map(CdcLoop::outlet).toList();
    this.selector = Selector.open();
    try {
      this.engine =
          new CdcEngine(
              new CdcEngine.Options(
                  config.shardTimeout(), new CbcMac(config.cdcKey()), config.snapshotEnabled()),
              store,
              committer,
              shardDirectory,
              new CdcEngine.Outlets(clientOutlets, shardOutlets),
              snapshotMaker,
              HostClock.SYSTEM,
              random::nextDouble,
              selector::wakeup);
      for (int i = 0; i < clientChannels.size(); i++) {
        Outlet outlet = clientOutlets.get(i);
        register(
            clientChannels.get(i), source -> engine.receiveFromClient(outlet, source, received));
      }
      for (DatagramChannel channel : shardChannels) {
        register(channel, source -> engine.receiveFromShard(source, received));
      }
    } catch (IOException | RuntimeException e) {
      selector.close();
      throw e;
    }
  }

  private void register(DatagramChannel channel, Receiver receiver) throws IOException {
    channel.register(selector, SelectionKey.OP_READ, new Socket(channel, receiver));
  }

  void stop() {
    stopping = true;
    selector.wakeup();
  }

  /** Transactions that run for long, for people. Any thread. */
  List<String> stuck() {
    return engine.stuck();
  }

  /** What the engine counts. Any thread. */
  CdcEngine engine() {
    return engine;
  }

  /** What happened so far. Any thread. */
  CdcServer.Counters counters() {
    return new CdcServer.Counters(
        engine.requests.sum(),
        engine.duplicates.sum(),
        engine.malformed.sum(),
        engine.shardRequests.sum(),
        engine.shardRepeats.sum());
  }

  @Override
  public void run() {
    try {
      engine.start();
      while (!stopping) {
        select();
        engine.turn();
      }
      engine.submit();
    } catch (IOException | RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "the event loop failed; the CDC is gone", e);
      onFailure.run();
    }
  }

  private void select() throws IOException {
    long nanos = engine.nanosToNextTurn();
    if (nanos == Long.MAX_VALUE) {
      selector.select(this::receiveAll);
    } else if (nanos <= 0) {
      selector.selectNow(this::receiveAll);
    } else {
      // Rounded up: waking up early would only spin.
      selector.select(this::receiveAll, nanos / 1_000_000 + 1);
    }
  }

  private void receiveAll(SelectionKey selected) {
    Socket socket = (Socket) selected.attachment();
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
      received.clear();
      InetSocketAddress source;
      try {
        source = (InetSocketAddress) socket.channel.receive(received);
      } catch (IOException | CancelledKeyException e) {
        // An ICMP error of an earlier packet can surface here; the socket itself is fine.
        LOGGER.log(System.Logger.Level.DEBUG, "receiving", e);
        return;
      }
      if (source == null) {
        return;
      }
      received.flip();
      socket.receiver.receive(source);
    }
  }

  /** What is lost is asked for again, by us or by the client. */
  private static Outlet outlet(DatagramChannel channel) {
    return (frame, to) -> {
      try {
        channel.send(frame, to);
      } catch (IOException e) {
        LOGGER.log(System.Logger.Level.DEBUG, "a packet to " + to + " was not sent", e);
      }
    };
  }

  /** After the loop has ended and the committer, which wakes it, is closed. */
  @Override
  public void close() {
    List<AutoCloseable> resources = new ArrayList<>(channels);
    resources.add(selector);
    for (AutoCloseable resource : resources) {
      try {
        resource.close();
      } catch (Exception e) {
        LOGGER.log(System.Logger.Level.DEBUG, "closing", e);
      }
    }
    engine.close();
  }
}
