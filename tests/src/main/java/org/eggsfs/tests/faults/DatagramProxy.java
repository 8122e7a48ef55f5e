package org.eggsfs.tests.faults;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.eggsfs.protocol.Frames;

/**
 * Stands between the senders of requests and a number of servers, and loses, doubles and delays
 * datagrams in both directions.
 *
 * <p>Each server has a socket here whose address is given out in its stead. A request goes on from
 * one common socket; its id tells later to whom the answer belongs, so ids must be unique among all
 * who send through one proxy. One thread does everything; the newest {@link #REQUESTS_MAX} requests
 * are remembered and {@link #DELAYED_MAX} packets wait at most, further ones go at once.
 */
public final class DatagramProxy implements AutoCloseable {
  private static final int REQUESTS_MAX = 1 << 16;
  private static final int DELAYED_MAX = 1 << 14;
  private static final int PACKET_BYTES_MAX = 65_507;
  private static final int SOCKET_BUFFER_BYTES = 4 << 20;
  private static final int REQUEST_ID_OFFSET = 4;

  private final PacketFaults faults;
  private final SplittableRandom random;
  private final Selector selector;
  private final DatagramChannel[] fronts;
  private final DatagramChannel back;
  private final AtomicReferenceArray<InetSocketAddress> targets;
  private final Thread thread;
  private final LongAdder packets = new LongAdder();
  private final LongAdder lost = new LongAdder();
  private final LongAdder doubled = new LongAdder();
  private final LongAdder delayed = new LongAdder();

  // Used by the thread only.
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(PACKET_BYTES_MAX).order(ByteOrder.LITTLE_ENDIAN);
  private final PriorityQueue<Late> late =
      new PriorityQueue<>(Comparator.comparingLong(Late::dueNanos));
  private final Map<Long, Origin> origins =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Origin> eldest) {
          return size() > REQUESTS_MAX;
        }
      };

  private record Origin(DatagramChannel front, InetSocketAddress sender) {}

  private record Late(
      long dueNanos, DatagramChannel from, InetSocketAddress to, ByteBuffer bytes) {}

  /** Opens the sockets for that many servers; {@link #target} says where they are. */
  public DatagramProxy(int servers, PacketFaults faults, long seed) throws IOException {
    this.faults = faults;
    this.random = new SplittableRandom(seed);
    this.selector = Selector.open();
    this.fronts = new DatagramChannel[servers];
    this.targets = new AtomicReferenceArray<>(servers);
    for (int i = 0; i < servers; i++) {
      fronts[i] = open(i);
    }
    back = open(-1);
    thread = Thread.ofPlatform().daemon().name("datagram-proxy").start(this::run);
  }

  private DatagramChannel open(int index) throws IOException {
    DatagramChannel channel = DatagramChannel.open();
    channel.setOption(java.net.StandardSocketOptions.SO_RCVBUF, SOCKET_BUFFER_BYTES);
    channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    channel.configureBlocking(false);
    channel.register(selector, SelectionKey.OP_READ, index);
    return channel;
  }

  /** Where a server is now. */
  public void target(int server, InetSocketAddress address) {
    targets.set(server, address);
  }

  /** The address to give out instead of a server's. */
  public InetSocketAddress front(int server) throws IOException {
    return (InetSocketAddress) fronts[server].getLocalAddress();
  }

  /** Datagrams that arrived here. */
  public long packets() {
    return packets.sum();
  }

  /** Datagrams lost, doubled and delayed. */
  public long faulty() {
    return lost.sum() + doubled.sum() + delayed.sum();
  }

  private void run() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        Late next = late.peek();
        long waitMillis =
            next == null ? 0 : Math.max(1, (next.dueNanos() - System.nanoTime()) / 1_000_000);
        selector.select(this::receiveAll, waitMillis);
        sendLate();
      }
    } catch (IOException | java.nio.channels.ClosedSelectorException e) {
      if (selector.isOpen()) {
        throw new IllegalStateException("the datagram proxy broke", e);
      }
    }
  }

  private void sendLate() throws IOException {
    long now = System.nanoTime();
    while (!late.isEmpty() && late.peek().dueNanos() <= now) {
      Late packet = late.poll();
      send(packet.from(), packet.to(), packet.bytes());
    }
  }

  private void receiveAll(SelectionKey key) {
    DatagramChannel channel = (DatagramChannel) key.channel();
    int server = (Integer) key.attachment();
    try {
      while (true) {
        buffer.clear();
        InetSocketAddress sender = (InetSocketAddress) channel.receive(buffer);
        if (sender == null) {
          return;
        }
        buffer.flip();
        packets.increment();
        if (buffer.limit() >= Frames.UDP_HEADER_SIZE) {
          pass(channel, server, sender, buffer.getLong(REQUEST_ID_OFFSET));
        }
      }
    } catch (IOException e) {
      // A socket of a dead server reports its refusal here; for UDP that is a lost packet.
      lost.increment();
    }
  }

  private void pass(DatagramChannel channel, int server, InetSocketAddress sender, long id)
      throws IOException {
    if (server >= 0) {
      InetSocketAddress target = targets.get(server);
      if (target != null) {
        origins.put(id, new Origin(channel, sender));
        disturb(back, target);
      }
      return;
    }
    Origin origin = origins.get(id);
    if (origin != null) {
      disturb(origin.front(), origin.sender());
    }
  }

  private void disturb(DatagramChannel from, InetSocketAddress to) throws IOException {
    if (random.nextDouble() < faults.drop()) {
      lost.increment();
      return;
    }
    int copies = 1;
    if (random.nextDouble() < faults.duplicate()) {
      doubled.increment();
      copies = 2;
    }
    for (int i = 0; i < copies; i++) {
      if (random.nextDouble() < faults.delay() && late.size() < DELAYED_MAX) {
        delayed.increment();
        ByteBuffer copy = ByteBuffer.allocate(buffer.limit()).put(buffer.duplicate()).flip();
        long nanos = random.nextLong(1, faults.delayMillisMax() * 1_000_000L + 1);
        late.add(new Late(System.nanoTime() + nanos, from, to, copy));
      } else {
        send(from, to, buffer.duplicate());
      }
    }
  }

  private static void send(DatagramChannel from, InetSocketAddress to, ByteBuffer bytes)
      throws IOException {
    from.send(bytes, to);
  }

  @Override
  public void close() throws IOException {
    thread.interrupt();
    selector.close();
    for (DatagramChannel front : fronts) {
      front.close();
    }
    back.close();
  }
}
