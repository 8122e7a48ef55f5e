package org.eggsfs.client.metadata;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.ShardInfo;

/**
 * Where the shards and the CDC are (client.md section 1). Filled from the shuckle when the client
 * connects, again when it is used and older than a minute, and at once (but at most once a second)
 * when requests time out: a leader that moved is found again without a long outage. A shard that is
 * not registered yet is no error; requests to it wait like for a lost packet. A failed refresh
 * keeps the old addresses.
 *
 * <p>Refreshing runs on a virtual thread, one at a time. Look-ups never block.
 */
public final class AddressBook {
  /** Target number of the CDC, behind the shards 0..255. */
  public static final int CDC = ProtocolConstants.SHARD_COUNT;

  private static final long AGE_NANOS_MAX = 60_000_000_000L;
  private static final long REFRESH_NANOS_MIN = 1_000_000_000L;
  private static final Logger LOG = System.getLogger(AddressBook.class.getName());

  /** Asks the shuckle. */
  public interface Source {
    /** All shards, by number; an unknown one has port 0. */
    List<ShardInfo> shards() throws IOException, EggsException;

    /** The CDC; port 0 when unknown. */
    AddrsInfo cdc() throws IOException, EggsException;
  }

  /** One server's one or two addresses; null where there is none. */
  private record Endpoint(InetSocketAddress first, InetSocketAddress second) {
    boolean has(InetSocketAddress address) {
      return address.equals(first) || address.equals(second);
    }
  }

  private final Source source;
  private final AtomicInteger turn = new AtomicInteger();
  private final AtomicBoolean refreshing = new AtomicBoolean();
  private volatile Endpoint[] endpoints = new Endpoint[CDC + 1];

  /** What stood there before the last change: answers may still come from a former leader. */
  private volatile Endpoint[] formerEndpoints = endpoints;

  private volatile long refreshedNanos = System.nanoTime() - AGE_NANOS_MAX;

  /** An empty book; {@link #refresh} fills it. */
  public AddressBook(Source source) {
    this.source = source;
  }

  /** Asks the shuckle now. */
  public void refresh() throws IOException, EggsException {
    List<ShardInfo> shards = source.shards();
    Endpoint[] fresh = new Endpoint[CDC + 1];
    for (int i = 0; i < CDC && i < shards.size(); i++) {
      fresh[i] = endpoint(shards.get(i).addrs());
    }
    fresh[CDC] = endpoint(source.cdc());
    Endpoint[] old = endpoints;
    for (int i = 0; i <= CDC; i++) {
      if (fresh[i] == null) {
        fresh[i] = old[i];
      }
    }
    formerEndpoints = old;
    endpoints = fresh;
    refreshedNanos = System.nanoTime();
  }

  private static Endpoint endpoint(AddrsInfo addrs) {
    InetSocketAddress first = Addresses.socketAddress(addrs.addr1());
    InetSocketAddress second = Addresses.socketAddress(addrs.addr2());
    return first == null && second == null ? null : new Endpoint(first, second);
  }

  /** The address for the next packet, alternating between the two; null when there is none. */
  InetSocketAddress next(int target) {
    if (System.nanoTime() - refreshedNanos > AGE_NANOS_MAX) {
      refreshSoon();
    }
    Endpoint endpoint = endpoints[target];
    if (endpoint == null) {
      refreshSoon();
      return null;
    }
    if (endpoint.second == null) {
      return endpoint.first;
    }
    return endpoint.first == null || (turn.getAndIncrement() & 1) != 0
        ? endpoint.second
        : endpoint.first;
  }

  /** Whether an answer of that target may come from there. */
  boolean isKnown(int target, InetSocketAddress address) {
    Endpoint endpoint = endpoints[target];
    if (endpoint != null && endpoint.has(address)) {
      return true;
    }
    Endpoint former = formerEndpoints[target];
    return former != null && former.has(address);
  }

  /** Any known shard address, null when none is known; for finding out about the route. */
  public InetSocketAddress anyShard() {
    for (Endpoint endpoint : endpoints) {
      if (endpoint != null && endpoint.first != null) {
        return endpoint.first;
      }
    }
    return null;
  }

  /** Starts a refresh unless one runs or the last one is younger than a second. */
  void refreshSoon() {
    if (System.nanoTime() - refreshedNanos < REFRESH_NANOS_MIN
        || !refreshing.compareAndSet(false, true)) {
      return;
    }
    Thread.ofVirtual()
        .name("eggs-client-refresh")
        .start(
            () -> {
              try {
                refresh();
              } catch (IOException | EggsException | RuntimeException e) {
                LOG.log(Level.WARNING, "cannot refresh addresses from the shuckle", e);
                refreshedNanos = System.nanoTime();
              } finally {
                refreshing.set(false);
              }
            });
  }
}
