package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.eggsfs.blocks.disk.DiskError;
import org.eggsfs.blocks.format.DiskMisuseException;

/**
 * The disks of one server. Each is opened on a thread of its own, so a dead one keeps neither the
 * server nor the other disks from starting: it is tried again every few seconds and joins when it
 * can be opened. What only somebody can put right, such as a directory that another process serves,
 * ends the start instead. Thread-safe.
 */
final class Disks {
  private static final System.Logger LOGGER = System.getLogger(Disks.class.getName());

  /** A disk that is to be served, by its place in the configuration. */
  private static final class Slot {
    final BlockServerConfig.Disk disk;

    // Guarded by the Disks.
    BlockService service;
    IOException failure;
    boolean opening;
    boolean reported;
    long lastTryNanos;

    Slot(BlockServerConfig.Disk disk) {
      this.disk = disk;
    }
  }

  private final BlockServerConfig config;
  private final BlocksRuntime runtime;
  private final DiskEvents events;

  /** Told what happens to disks, by any thread; must not wait. */
  interface DiskEvents {
    /** A disk joined, or its state has changed. */
    void diskChanged(BlockService service);
  }

  // Guarded by this; the order is the configuration's, then that of being added.
  private final Map<Path, Slot> slots = new LinkedHashMap<>();
  private boolean closed;

  private final Map<Long, BlockService> byId = new ConcurrentHashMap<>();

  /** The open ones by their place in the configuration. */
  private final Map<Integer, BlockService> inOrder = new ConcurrentSkipListMap<>();

  Disks(BlockServerConfig config, BlocksRuntime runtime, DiskEvents events) {
    this.config = config;
    this.runtime = runtime;
    this.events = events;
    for (BlockServerConfig.Disk disk : config.disks()) {
      slots.put(disk.directory(), new Slot(disk));
    }
  }

  /**
   * Opens all, within a time. Of disks that have not answered by then nobody knows whether they are
   * dead or the machine is merely busy, so they alone do not end the start.
   *
   * @throws IOException if a disk must not be served, or if none can be
   */
  void openAll() throws IOException {
    CountDownLatch finished = new CountDownLatch(slots.size());
    synchronized (this) {
      slots.values().forEach(slot -> start(slot, finished));
    }
    try {
      if (!finished.await(config.diskTimes().open(), TimeUnit.NANOSECONDS)) {
        LOGGER.log(
            System.Logger.Level.ERROR, "some disks do not answer; they are served when they do");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while opening disks", e);
    }
    synchronized (this) {
      IOException first = null;
      boolean opening = false;
      for (Slot slot : slots.values()) {
        if (slot.failure != null && !isDiskFailure(slot.failure)) {
          throw slot.failure;
        }
        first = first == null ? slot.failure : first;
        opening |= slot.opening;
      }
      if (byId.isEmpty() && !opening && first != null) {
        throw first;
      }
    }
  }

  /** Such a disk may come back by itself; with anything else somebody made a mistake. */
  private static boolean isDiskFailure(IOException failure) {
    DiskError error = DiskError.of(failure);
    return error == DiskError.DEVICE || error == DiskError.READ_ONLY || error == DiskError.FULL;
  }

  private void start(Slot slot, CountDownLatch finished) {
    slot.opening = true;
    slot.lastTryNanos = System.nanoTime();
    boolean started = false;
    try {
      runtime
          .threads()
          .start(
              Thread.ofPlatform()
                  .daemon()
                  .name("disk-open-" + slot.disk.directory().getFileName())
                  .unstarted(
                      () -> {
                        try {
                          open(slot);
                        } finally {
                          finished.countDown();
                        }
                      }));
      started = true;
    } catch (IOException e) {
      slot.failure = e;
    } finally {
      if (!started) {
        slot.opening = false;
        finished.countDown();
      }
    }
  }

  private void open(Slot slot) {
    BlockService service = null;
    IOException failure = null;
    try {
      BlockService[] self = new BlockService[1];
      service =
          BlockService.open(
              config,
              runtime,
              slot.disk,
              () -> {
                if (self[0] != null) {
                  events.diskChanged(self[0]);
                }
              });
      self[0] = service;
      join(slot, service);
    } catch (IOException e) {
      failure = e;
    } catch (RuntimeException | Error e) {
      failure = new IOException("cannot open " + slot.disk.directory() + ": " + e, e);
    }
    if (failure != null && service != null) {
      service.close();
    }
    boolean report;
    synchronized (this) {
      slot.opening = false;
      slot.failure = failure;
      report = failure != null && !slot.reported;
      slot.reported = failure != null;
    }
    if (report) {
      LOGGER.log(
          System.Logger.Level.ERROR,
          "disk {0} cannot be opened and is not served: {1}",
          slot.disk.directory(),
          failure);
    } else if (failure == null) {
      service.startCounting();
      events.diskChanged(service);
    }
  }

  private void join(Slot slot, BlockService service) throws IOException {
    synchronized (this) {
      if (closed) {
        throw new IOException("the server is closed");
      }
      BlockService other = byId.putIfAbsent(service.id, service);
      if (other != null) {
        throw new DiskMisuseException(
            service.directory
                + " and "
                + other.directory
                + " have the same key; one is a copy of the other");
      }
      slot.service = service;
      inOrder.put(new ArrayList<>(slots.values()).indexOf(slot), service);
    }
  }

  /** Looks after all: never waits for a disk. */
  void watch() {
    int slow = 0;
    int count = 0;
    for (BlockService service : inOrder.values()) {
      count++;
      slow += service.health.isSlow() ? 1 : 0;
    }
    // When most are slow the machine is, and avoiding all of them would help nobody.
    boolean slowIsUnusual = 2 * slow < count;
    for (BlockService service : inOrder.values()) {
      service.health.tick(slowIsUnusual);
      service.startCounting();
    }
    long now = System.nanoTime();
    synchronized (this) {
      for (Slot slot : slots.values()) {
        if (!closed
            && slot.service == null
            && !slot.opening
            && now - slot.lastTryNanos >= config.diskTimes().reopen()) {
          start(slot, new CountDownLatch(1));
        }
      }
    }
  }

  /** Takes one more disk, which is opened in the background; false if it is there already. */
  synchronized boolean add(BlockServerConfig.Disk disk) {
    if (closed || slots.containsKey(disk.directory())) {
      return false;
    }
    Slot slot = new Slot(disk);
    slots.put(disk.directory(), slot);
    start(slot, new CountDownLatch(1));
    return true;
  }

  BlockService get(long id) {
    return byId.get(id);
  }

  /** Those that are open, in the order of the configuration. */
  List<BlockService> all() {
    return List.copyOf(inOrder.values());
  }

  /** Directories that should be served and could not be opened so far. */
  synchronized Set<Path> missing() {
    Set<Path> missing = new HashSet<>();
    for (Slot slot : slots.values()) {
      if (slot.service == null) {
        missing.add(slot.disk.directory());
      }
    }
    return missing;
  }

  void close() {
    synchronized (this) {
      closed = true;
    }
    for (BlockService service : inOrder.values()) {
      service.close();
    }
  }
}
