package org.eggsfs.gc.migrate;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * Finds the files of a shard that have blocks on some block services. The lists of all services are
 * merged, since all are in order of inodes: a file is told once, with the services it was seen on,
 * and a disk with 10⁹ files needs the memory of a page. The next page of each list is asked for
 * while the last one is worked on, for all services at the same time; so servers that list one file
 * in an answer are bearable too (gc.md section 11, item 2). Thread-safe.
 */
final class Discovery {
  /** Requests under way, all shards together. */
  private static final int REQUESTS_MAX = 256;

  /** Asks a shard without waiting. */
  interface Asker {
    CompletableFuture<ShardResponse> ask(int shard, ShardRequest request);
  }

  /** Told about the files in ascending order. */
  interface Finder {
    /** A file and the services among those asked for that hold blocks of it. */
    void found(long file, List<Long> services) throws EggsException, IOException;
  }

  private final Asker asker;
  private final Semaphore requests = new Semaphore(REQUESTS_MAX);

  Discovery(Asker asker) {
    this.asker = asker;
  }

  /** Goes through the lists of all these services in a shard. */
  void scan(int shard, Collection<Long> services, Finder finder) throws EggsException, IOException {
    List<Listing> listings = new ArrayList<>();
    for (long service : services) {
      Listing listing = new Listing(shard, service);
      listing.ask(0);
      listings.add(listing);
    }
    PriorityQueue<Listing> nearest =
        new PriorityQueue<>(Comparator.comparingLong(listing -> listing.file()));
    for (Listing listing : listings) {
      if (listing.advance()) {
        nearest.add(listing);
      }
    }
    while (!nearest.isEmpty()) {
      long file = nearest.peek().file();
      List<Long> on = new ArrayList<>();
      while (!nearest.isEmpty() && nearest.peek().file() == file) {
        Listing listing = nearest.poll();
        on.add(listing.service);
        if (listing.advance()) {
          nearest.add(listing);
        }
      }
      finder.found(file, on);
    }
  }

  /** The files of one service, one page ahead. */
  private final class Listing {
    private final int shard;
    private final long service;
    private CompletableFuture<ShardResponse> coming;
    private long[] page = {};
    private int at = -1;

    Listing(int shard, long service) {
      this.shard = shard;
      this.service = service;
    }

    long file() {
      return page[at];
    }

    void ask(long startFrom) throws InterruptedIOException {
      try {
        requests.acquire();
      } catch (InterruptedException e) {
        throw Interrupts.whileDoing("listing files of block services", e);
      }
      coming = asker.ask(shard, new BlockServiceFilesRequest(service, startFrom));
      coming.whenComplete((response, failure) -> requests.release());
    }

    /** To the next file; false at the end. */
    boolean advance() throws EggsException, IOException {
      at++;
      if (at < page.length) {
        return true;
      }
      long last = page.length == 0 ? -1 : page[page.length - 1];
      page = await().fileIds();
      at = 0;
      for (long file : page) {
        if (file <= last) {
          throw new EggsException(
              ErrorCode.MALFORMED_RESPONSE, "list of a block service's files goes backwards");
        }
        last = file;
      }
      if (page.length == 0) {
        return false;
      }
      ask(last + 1);
      return true;
    }

    private BlockServiceFilesResponse await() throws EggsException, IOException {
      try {
        return (BlockServiceFilesResponse) coming.get();
      } catch (InterruptedException e) {
        throw Interrupts.whileDoing("listing files of block services", e);
      } catch (ExecutionException e) {
        switch (e.getCause()) {
          case EggsException eggs -> throw eggs;
          case IOException io -> throw io;
          default -> throw new IllegalStateException(e.getCause());
        }
      }
    }
  }
}
