package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.SpanPages;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;

/** Files of an instance with known content, and where their blocks lie on the disks. */
final class StoredFiles {
  private final EggsClient client;
  private final Map<Long, Integer> sizes = new ConcurrentHashMap<>();
  private final Map<Long, Path> disks = new HashMap<>();

  StoredFiles(EggsClient client) throws EggsException, IOException {
    this.client = client;
    AllBlockServicesDeprecatedResponse all =
        client.shuckle().call(new AllBlockServicesDeprecatedRequest());
    for (BlockServiceDeprecatedInfo service : all.blockServices()) {
      String path = new String(service.path(), StandardCharsets.UTF_8);
      disks.put(service.id(), Path.of(path.substring(path.indexOf(':') + 1)));
    }
  }

  /** Makes directories and in each a file of every size. */
  void make(String prefix, int directories, int... fileSizes) throws Exception {
    try (ExecutorService workers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> tasks = new ArrayList<>();
      for (int i = 0; i < directories; i++) {
        byte[] name = bytes(prefix + i);
        tasks.add(
            workers.submit(
                () -> {
                  long directory = client.inodes().mkdir(InodeIds.ROOT, name);
                  for (int size : fileSizes) {
                    write(directory, "file-" + size, size);
                  }
                  return null;
                }));
      }
      for (Future<?> task : tasks) {
        task.get();
      }
    }
  }

  /** Writes one file; its content follows from its id. */
  long write(long directory, String name, int size) throws EggsException, IOException {
    byte[] content = content(size, size);
    try (FileWriter writer = client.files().create(directory, bytes(name))) {
      writer.write(content, 0, content.length);
      long id = writer.commit();
      sizes.put(id, size);
      return id;
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] content(long seed, int size) {
    byte[] content = new byte[size];
    new SplittableRandom(seed).nextBytes(content);
    return content;
  }

  Iterable<Long> ids() {
    return sizes.keySet();
  }

  int count() {
    return sizes.size();
  }

  /** Reads a file and compares it. */
  void check(long id) throws EggsException, IOException {
    int size = sizes.get(id);
    ByteBuffer read = ByteBuffer.allocate(size);
    try (FileReader reader = client.files().open(id)) {
      reader.readFully(0, read);
    }
    assertArrayEquals(content(size, size), read.array(), InodeIds.format(id));
  }

  /** Reads all files and compares them. */
  void checkAll() throws EggsException, IOException {
    for (long id : sizes.keySet()) {
      check(id);
    }
  }

  /** All spans of a file. */
  List<StoredSpan> spans(long id) throws EggsException, IOException {
    List<StoredSpan> spans = new ArrayList<>();
    SpanPages pages = new SpanPages(client, id);
    for (List<StoredSpan> page = pages.next(); !page.isEmpty(); page = pages.next()) {
      spans.addAll(page);
    }
    return spans;
  }

  /** The file that holds a block. */
  Path path(StoredBlock block) {
    return disk(block.service().id()).resolve(BlockPaths.relative(block.blockId()));
  }

  /** The directory of a block service. */
  Path disk(long service) {
    return disks.get(service);
  }
}
