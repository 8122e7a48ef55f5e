package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.BlockPolicy;
import org.eggsfs.protocol.struct.BlockPolicyEntry;
import org.eggsfs.protocol.struct.SpanPolicy;
import org.eggsfs.protocol.struct.SpanPolicyEntry;
import org.eggsfs.protocol.struct.StripePolicy;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.check.History;

/**
 * A tree of directories and files whose every name and byte is known. One in five is first made
 * under a temporary name somewhere else and moved into place. Policies make many spans of three
 * parities, stripes of few pages, and blocks of both storage classes.
 */
final class DataTree {
  private static final String FILE = "file";
  private static final int WORKERS = 8;
  private static final int DEPTH = 4;
  private static final int CHUNK_BYTES = 64 << 10;
  private static final long MIRRORED_SPAN_MAX = 64 << 10;
  private static final long NARROW_SPAN_MAX = 512 << 10;
  private static final long SPAN_MAX = 1 << 20;
  private static final int STRIPE_BYTES = 20 << 10;
  private static final long HDD_BLOCK_MIN = 40 << 10;

  private final Run run;
  private final EggsClient client;
  private final SplittableRandom random;
  private final long top;
  private final List<Long> directories = new ArrayList<>();
  private final List<Map<String, Long>> entries = new ArrayList<>();
  private AtomicReferenceArray<TreeFile> files;
  private boolean copiesAllowed;

  /** A file that was committed: where it is and what is in it. */
  record TreeFile(long id, String name, long seed, long size) {}

  /** Makes the top directory with its policies. */
  DataTree(Run run, EggsClient client, String path) throws IOException, EggsException {
    this.run = run;
    this.client = client;
    this.random = run.random(path.hashCode());
    this.top = client.paths().mkdir(path);
    setPolicies(client, top);
  }

  /** Many spans, all kinds of parity, short stripes, both storage classes. */
  static void setPolicies(EggsClient client, long directory) throws IOException, EggsException {
    set(
        client,
        directory,
        DirectoryInfoTag.SPAN,
        new SpanPolicy(
            List.of(
                new SpanPolicyEntry(MIRRORED_SPAN_MAX, 0x41),
                new SpanPolicyEntry(NARROW_SPAN_MAX, 0x44),
                new SpanPolicyEntry(SPAN_MAX, 0x4a))));
    set(
        client,
        directory,
        DirectoryInfoTag.BLOCK,
        new BlockPolicy(
            List.of(
                new BlockPolicyEntry(StorageClass.FLASH, 0),
                new BlockPolicyEntry(StorageClass.HDD, HDD_BLOCK_MIN))));
    set(client, directory, DirectoryInfoTag.STRIPE, new StripePolicy(STRIPE_BYTES));
  }

  static void set(EggsClient client, long directory, int tag, Message policy)
      throws IOException, EggsException {
    ByteBuffer body = Frames.buffer(policy.encodedSize());
    policy.encode(body);
    client.inodes().setPolicy(directory, tag, body.array());
  }

  /** Its top directory. */
  long top() {
    return top;
  }

  /** The committed files. */
  List<TreeFile> files() {
    List<TreeFile> all = new ArrayList<>();
    for (int i = 0; i < files.length(); i++) {
      all.add(files.get(i));
    }
    return all;
  }

  /** Makes all directories, then all files in parallel. */
  void make(int directoryCount, int fileCount, int sizeMax) throws Exception {
    makeDirectories(directoryCount);
    int[] homes = new int[fileCount];
    int[] elsewhere = new int[fileCount];
    long[] seeds = new long[fileCount];
    int[] sizes = new int[fileCount];
    for (int i = 0; i < fileCount; i++) {
      homes[i] = random.nextInt(directories.size());
      elsewhere[i] = random.nextInt(5) == 0 ? random.nextInt(directories.size()) : -1;
      seeds[i] = random.nextLong();
      sizes[i] = size(sizeMax);
    }
    files = new AtomicReferenceArray<>(fileCount);
    run.share(WORKERS, fileCount, i -> makeFile(i, homes[i], elsewhere[i], seeds[i], sizes[i]));
  }

  private int size(int sizeMax) {
    int choice = random.nextInt(10);
    if (choice == 0) {
      return 0;
    }
    return choice <= 3 ? random.nextInt(1, 255) : random.nextInt(sizeMax / 10, sizeMax + 1);
  }

  private void makeDirectories(int count) throws IOException, EggsException {
    directories.add(top);
    entries.add(Collections.synchronizedMap(new TreeMap<>()));
    int branching = Math.max(2, (int) Math.floor(Math.pow(count, 1.0 / DEPTH)));
    for (int i = 1; i < count; i++) {
      int parent = (i - 1) / branching;
      String name = "dir" + i;
      long id;
      if (random.nextInt(5) == 0) {
        long other = directories.get(random.nextInt(directories.size()));
        id = client.inodes().mkdir(other, bytes("tmp" + i));
        client.inodes().rename(other, bytes("tmp" + i), directories.get(parent), bytes(name));
      } else {
        id = client.inodes().mkdir(directories.get(parent), bytes(name));
      }
      directories.add(id);
      entries.get(parent).put(name, id);
      entries.add(Collections.synchronizedMap(new TreeMap<>()));
      run.count("directories", 1);
    }
  }

  private void makeFile(int number, int home, int elsewhere, long seed, int size)
      throws IOException, EggsException {
    String name = FILE + number;
    long id = 0;
    long first = directories.get(elsewhere < 0 ? home : elsewhere);
    String firstName = elsewhere < 0 ? name : "tmp-" + name;
    try (FileWriter writer = client.files().create(first, bytes(firstName))) {
      ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES);
      for (int at = 0; at < size; at += CHUNK_BYTES) {
        chunk.clear().limit(Math.min(CHUNK_BYTES, size - at));
        Content.fill(seed, at, chunk);
        writer.write(chunk.flip());
      }
      id = writer.commit();
    }
    if (elsewhere >= 0) {
      client.inodes().rename(first, bytes(firstName), directories.get(home), bytes(name));
    }
    files.set(number, new TreeFile(id, name, seed, size));
    entries.get(home).put(name, id);
    run.count("files", 1);
    run.count("bytes", size);
  }

  /** From now on a copy may take a file's place, so that the name leads to another file. */
  void allowCopies() {
    copiesAllowed = true;
  }

  /** Takes files that were found under the names of files for their copies. */
  private void adopt(Map<String, Long> expected, Map<String, Long> found) {
    for (Map.Entry<String, Long> entry : expected.entrySet()) {
      Long now = found.get(entry.getKey());
      if (now != null && InodeIds.isFile(entry.getValue()) && InodeIds.isFile(now)) {
        entry.setValue(now);
        int number = Integer.parseInt(entry.getKey().substring(FILE.length()));
        TreeFile file = files.get(number);
        files.set(number, new TreeFile(now, file.name(), file.seed(), file.size()));
      }
    }
  }

  /** Compares every listing, every byte of every file, and random ranges. */
  void check(EggsClient reader, int workers) throws Exception {
    for (int i = 0; i < directories.size(); i++) {
      Map<String, Long> found = new HashMap<>();
      reader
          .inodes()
          .list(directories.get(i), e -> found.put(History.text(e.name()), e.targetId()));
      Map<String, Long> expected = entries.get(i);
      if (copiesAllowed) {
        adopt(expected, found);
      }
      if (!expected.equals(found)) {
        throw new Failure("directory " + i + ": " + FileHistory.difference(expected, found));
      }
    }
    run.share(
        workers,
        files.length(),
        i -> {
          TreeFile file = files.get(i);
          while (true) {
            try {
              Content.check(reader, file.id(), file.seed(), file.size(), file.name());
              checkRanges(reader, file, run.random(i));
              break;
            } catch (EggsException | IOException e) {
              // The original of a copy may be collected while it is read.
              TreeFile copy = copyOf(reader, i);
              if (copy.id() == file.id()) {
                throw e;
              }
              file = copy;
            }
          }
          run.count("bytes read", file.size());
        });
  }

  /** The file that has the name now: the same, or a copy that took its place. */
  TreeFile copyOf(EggsClient reader, int number) throws IOException, EggsException {
    TreeFile file = files.get(number);
    if (!copiesAllowed) {
      return file;
    }
    for (int i = 0; i < directories.size(); i++) {
      if (entries.get(i).containsKey(FILE + number)) {
        long now = reader.inodes().lookup(directories.get(i), bytes(FILE + number));
        TreeFile copy = new TreeFile(now, file.name(), file.seed(), file.size());
        files.set(number, copy);
        return copy;
      }
    }
    throw new IllegalStateException("file " + number + " has no directory");
  }

  private static void checkRanges(EggsClient reader, TreeFile file, SplittableRandom random)
      throws IOException, EggsException, Failure {
    if (file.size() == 0) {
      return;
    }
    try (FileReader open = reader.files().open(file.id())) {
      for (int i = 0; i < 10; i++) {
        long from = random.nextLong(file.size());
        int length = (int) random.nextLong(1, Math.min(file.size() - from, 300_000) + 1);
        Content.checkRange(open, file.seed(), from, length, file.name());
      }
    }
  }

  /** Removes files and directories, the deepest first. */
  void remove() throws Exception {
    for (int i = directories.size() - 1; i >= 0; i--) {
      long directory = directories.get(i);
      for (Map.Entry<String, Long> entry : Map.copyOf(entries.get(i)).entrySet()) {
        if (InodeIds.isDirectory(entry.getValue())) {
          client.inodes().rmdir(directory, bytes(entry.getKey()));
        } else {
          client.inodes().unlink(directory, bytes(entry.getKey()));
        }
      }
      entries.get(i).clear();
    }
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
