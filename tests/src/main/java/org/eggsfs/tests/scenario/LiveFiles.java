package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.check.History;

/**
 * A fixed number of names in a few directories that many threads write, replace, move, remove and
 * read, and what must be under each. A name is locked while it changes, so that what was
 * acknowledged is what everybody must find. In one directory nothing is ever given up: what was
 * removed there stays readable.
 */
final class LiveFiles {
  private static final int DIRECTORIES = 12;
  private static final int CHUNK_BYTES = 64 << 10;
  private static final int KEPT_MAX = 1_500;

  /** Files where history is kept stay small, since they add up. */
  private static final int KEPT_BYTES_MAX = 60_000;

  private final Run run;
  private final int sizeMax;
  private final List<Long> directories = new ArrayList<>();
  private final List<Place> places = new ArrayList<>();
  private final List<Stored> kept = new ArrayList<>();

  /** A committed content. */
  record Stored(long id, long seed, long size) {}

  /** A name. Its file is null when there is none; it changes only under the write lock. */
  static final class Place {
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private final int directory;
    private final String name;
    private Stored file;

    private Place(int directory, String name) {
      this.directory = directory;
      this.name = name;
    }
  }

  /** Makes the directories below a new one. */
  LiveFiles(Run run, EggsClient client, String path, int names, int sizeMax)
      throws IOException, EggsException {
    this.run = run;
    this.sizeMax = sizeMax;
    long top = client.paths().mkdir(path);
    DataTree.setPolicies(client, top);
    for (int i = 0; i < DIRECTORIES; i++) {
      directories.add(client.inodes().mkdir(top, DataTree.bytes("d" + i)));
    }
    DataTree.set(
        client, directories.getFirst(), DirectoryInfoTag.SNAPSHOT, new SnapshotPolicy(0, 0));
    for (int i = 0; i < names; i++) {
      places.add(new Place(i % DIRECTORIES, "f" + i));
    }
  }

  /** One random change or none, if somebody else has the name. */
  void change(EggsClient client, SplittableRandom random) throws IOException, EggsException {
    Place place = places.get(random.nextInt(places.size()));
    if (!place.lock.writeLock().tryLock()) {
      return;
    }
    try {
      int choice = random.nextInt(10);
      if (place.file == null || choice < 4) {
        write(client, place, random);
      } else if (choice < 7) {
        client.inodes().unlink(directory(place), DataTree.bytes(place.name));
        past(place, null);
        run.count("files removed", 1);
      } else if (choice < 9) {
        move(client, place, places.get(random.nextInt(places.size())));
      } else {
        giveUp(client, place, random);
      }
    } finally {
      place.lock.writeLock().unlock();
    }
  }

  private long directory(Place place) {
    return directories.get(place.directory);
  }

  /** What was there before belongs to history, which one directory keeps. */
  private void past(Place place, Stored next) {
    if (place.directory == 0 && place.file != null) {
      synchronized (kept) {
        kept.add(place.file);
      }
    }
    place.file = next;
  }

  private int size(Place place, SplittableRandom random) {
    int choice = random.nextInt(10);
    int max = place.directory == 0 ? KEPT_BYTES_MAX : sizeMax;
    return choice == 0 ? 0 : choice < 3 ? random.nextInt(1, 255) : random.nextInt(255, max);
  }

  private void write(EggsClient client, Place place, SplittableRandom random)
      throws IOException, EggsException {
    synchronized (kept) {
      if (place.directory == 0 && kept.size() >= KEPT_MAX) {
        return;
      }
    }
    long seed = random.nextLong();
    int size = size(place, random);
    try (FileWriter writer = client.files().create(directory(place), DataTree.bytes(place.name))) {
      put(writer, seed, size);
      past(place, new Stored(writer.commit(), seed, size));
    }
    run.count("files written", 1);
    run.count("bytes written", size);
  }

  private static void put(FileWriter writer, long seed, int size)
      throws IOException, EggsException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES);
    for (int at = 0; at < size; at += CHUNK_BYTES) {
      chunk.clear().limit(Math.min(CHUNK_BYTES, size - at));
      Content.fill(seed, at, chunk);
      writer.write(chunk.flip());
    }
  }

  /** Over another name, which may have a file; history of both directories stays as it must. */
  private void move(EggsClient client, Place from, Place to) throws IOException, EggsException {
    if (from == to || from.directory == 0 || !to.lock.writeLock().tryLock()) {
      return;
    }
    try {
      client
          .inodes()
          .rename(
              directory(from), DataTree.bytes(from.name), directory(to), DataTree.bytes(to.name));
      past(to, from.file);
      from.file = null;
      run.count("files moved", 1);
    } finally {
      to.lock.writeLock().unlock();
    }
  }

  /** A writer that dies: nobody ever sees the file, and its blocks must go. */
  private void giveUp(EggsClient client, Place place, SplittableRandom random)
      throws IOException, EggsException {
    long seed = random.nextLong();
    int size = random.nextInt(sizeMax);
    if (random.nextBoolean()) {
      try (FileWriter writer =
          client.files().create(directory(place), DataTree.bytes(place.name))) {
        put(writer, seed, size);
      }
    } else {
      // Nobody scraps this one: only its deadline ends it.
      try (EggsClient dying = run.cluster().connect()) {
        put(dying.files().create(directory(place), DataTree.bytes(place.name)), seed, size);
      }
    }
    run.count("files given up", 1);
  }

  /** What is done with a file while it cannot change. */
  interface Look {
    void at(Stored file, String name) throws Exception;
  }

  /** Does it with a random file, if nobody changes it now. */
  void look(SplittableRandom random, Look look) throws Exception {
    Place place = places.get(random.nextInt(places.size()));
    Lock lock = place.lock.readLock();
    if (!lock.tryLock()) {
      return;
    }
    try {
      if (place.file != null) {
        look.at(place.file, place.name);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Reads a random file, whole or in part, through its name. */
  void read(EggsClient client, SplittableRandom random) throws Exception {
    Place place = places.get(random.nextInt(places.size()));
    if (!place.lock.readLock().tryLock()) {
      return;
    }
    try {
      Stored file = place.file;
      if (file == null) {
        return;
      }
      long id = client.inodes().lookup(directory(place), DataTree.bytes(place.name));
      Failure.unlessEqual(file.id(), id, "inode of " + place.name);
      if (file.size() > 0 && random.nextBoolean()) {
        try (FileReader reader = client.files().open(id)) {
          long from = random.nextLong(file.size());
          int length = (int) Math.min(file.size() - from, random.nextInt(1, 200_000));
          Content.checkRange(reader, file.seed(), from, length, place.name);
        }
      } else {
        Content.check(client, id, file.seed(), file.size(), place.name);
      }
      run.count("reads", 1);
    } finally {
      place.lock.readLock().unlock();
    }
  }

  /** Whether a file has a name, or had one where the past is kept. Nobody may change anything. */
  boolean hasFile(long id) {
    return kept.stream().anyMatch(file -> file.id() == id)
        || places.stream().anyMatch(place -> place.file != null && place.file.id() == id);
  }

  /** When nobody changes anything any more: each listing, and each byte of present and past. */
  void checkAll(EggsClient client, int workers) throws Exception {
    List<Map<String, Long>> expected = new ArrayList<>();
    directories.forEach(_ -> expected.add(new TreeMap<>()));
    List<Stored> files = new ArrayList<>(kept);
    for (Place place : places) {
      if (place.file != null) {
        expected.get(place.directory).put(place.name, place.file.id());
        files.add(place.file);
      }
    }
    for (int i = 0; i < directories.size(); i++) {
      Map<String, Long> found = new HashMap<>();
      client
          .inodes()
          .list(directories.get(i), e -> found.put(History.text(e.name()), e.targetId()));
      if (!found.equals(expected.get(i))) {
        throw new Failure(
            "directory d" + i + ": " + FileHistory.difference(expected.get(i), found));
      }
    }
    run.share(
        workers,
        files.size(),
        i -> {
          Stored file = files.get(i);
          Content.check(client, file.id(), file.seed(), file.size(), InodeIds.format(file.id()));
        });
    run.count("files at the end", files.size() - kept.size());
    run.count("past files kept", kept.size());
  }

  /** Lets the past go, also where it was kept. */
  void forgetThePast(EggsClient client) throws IOException, EggsException {
    DataTree.set(
        client,
        directories.getFirst(),
        DirectoryInfoTag.SNAPSHOT,
        new SnapshotPolicy(Long.MIN_VALUE, 1 << 15));
  }
}
