package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.InodeIds;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.RocksStore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: the check of a stopped instance is content with a sound one and sees each kind of damage to
 * block files, to the shuckle's record of disks and to the CDC; the comparison sees one changed
 * byte. Method: one instance is filled and stopped, then damaged step by step.
 */
class OfflineCheckTest {
  private record Ran(int exitCode, String output) {}

  private static Ran eggs(String... args) {
    PrintStream before = System.out;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    try {
      String[] rest = List.of(args).subList(1, args.length).toArray(String[]::new);
      return new Ran(Eggs.start(args[0], rest), out.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(before);
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }

  private static List<Path> blocks(Path data) throws IOException {
    try (Stream<Path> files = Files.walk(data)) {
      return files
          .filter(file -> file.toString().contains("/" + BlockPaths.ROOT + "/"))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    }
  }

  private static void change(Path role, byte[] key, byte[] value) {
    try (RocksStore store = RocksStore.open(role.resolve("db"))) {
      ChangeList changes = new ChangeList();
      changes.put(key, value);
      store.write(changes.take(), true);
    }
  }

  /** The failure domain of the block server whose disk holds a block. */
  private static byte[] domain(Path block) {
    String server = block.getParent().getParent().getParent().getParent().getFileName().toString();
    return Arrays.copyOf(server.getBytes(StandardCharsets.UTF_8), 16);
  }

  /** Lets the shuckle's record say that all disks of one failure domain belong to another. */
  private static void moveDisks(Path data, byte[] from, byte[] to) {
    Path role = new InstanceLayout(data).shuckle();
    List<KeyValueStore.Change> changed = new ArrayList<>();
    try (RocksStore store = RocksStore.openReadOnly(role.resolve("db"));
        KeyValueStore.Snapshot view = store.snapshot();
        Cursor cursor = view.cursor()) {
      for (cursor.seek(new byte[] {'B'}); cursor.isValid(); cursor.next()) {
        byte[] value = cursor.value();
        for (int i = 0; cursor.key()[0] == 'B' && i + from.length <= value.length; i++) {
          if (Arrays.equals(value, i, i + from.length, from, 0, from.length)) {
            System.arraycopy(to, 0, value, i, to.length);
            changed.add(new KeyValueStore.Change(cursor.key(), value));
          }
        }
      }
    }
    assertFalse(changed.isEmpty(), "no disk of the failure domain");
    changed.forEach(row -> change(role, row.key(), row.value()));
  }

  /** All blocks are of one span, so two of them in one failure domain are one too many. */
  private static void sharedDomainIsSeen(Path data, Path block, Path other) {
    byte[] unused = Arrays.copyOf("elsewhere".getBytes(StandardCharsets.UTF_8), 16);
    moveDisks(data, domain(block), unused);
    assertEquals(ExitCodes.OK, eggs("fsck", "--data-dir", data.toString()).exitCode);
    moveDisks(data, unused, domain(other));
    Ran shared = eggs("fsck", "--data-dir", data.toString());
    assertEquals(ExitCodes.FAILED, shared.exitCode, shared.output);
    assertTrue(shared.output.contains("has two blocks in one failure domain"), shared.output);
    assertTrue(shared.output.contains("1 problems"), shared.output);
  }

  @Test
  void eachDamageIsSeen(@TempDir Path folder) throws Exception {
    InstanceOptions options = InstanceTest.options(folder);
    options.noGc = true;
    String data = options.dataDir.toString();
    try (LocalInstance instance = InstanceTest.startReady(options)) {
      Cli cli = new Cli(instance);
      byte[] content = new byte[2_000_000];
      new SplittableRandom(1).nextBytes(content);
      Path local = folder.resolve("in");
      Files.write(local, content);
      cli.ok("mkdir", "-p", "/a/b", "/a/gone");
      cli.ok("cp", local.toString(), "eggs:/a/b/f");
      cli.ok("rm", "-r", "/a/gone");
    }
    Ran sound = eggs("fsck", "--data-dir", data, "--blocks");
    assertEquals(ExitCodes.OK, sound.exitCode, sound.output);
    assertEquals("clean\n", sound.output);

    Path twin = folder.resolve("twin");
    copy(options.dataDir, twin);
    Ran equal = eggs("verify-equal", data, twin.toString());
    assertEquals(ExitCodes.OK, equal.exitCode, equal.output);

    List<Path> blocks = blocks(options.dataDir);
    Path shared = folder.resolve("shared");
    copy(options.dataDir, shared);
    sharedDomainIsSeen(shared, blocks.get(0), blocks.get(1));

    Files.delete(blocks.get(0));
    try (FileChannel file = FileChannel.open(blocks.get(1), StandardOpenOption.WRITE)) {
      file.truncate(file.size() - 1);
    }
    Path disk0 = new InstanceLayout(options.dataDir).blockService(0, 0);
    Path stray = disk0.resolve(BlockPaths.relative(0x123456));
    Files.copy(blocks.get(2), stray);
    String wrong = "%02x".formatted(BlockPaths.subDirectory(1) ^ 1);
    Path misplaced = disk0.resolve(BlockPaths.ROOT).resolve(wrong).resolve(BlockPaths.fileName(1));
    Files.copy(blocks.get(3), misplaced);
    Ran damaged = eggs("fsck", "--data-dir", data, "--blocks");
    assertEquals(ExitCodes.FAILED, damaged.exitCode);
    assertTrue(
        damaged.output.contains(blocks.get(0).getFileName() + " is missing"), damaged.output);
    assertTrue(damaged.output.contains(blocks.get(1) + " has "), damaged.output);
    assertTrue(damaged.output.contains(stray + " belongs to no file"), damaged.output);
    assertTrue(damaged.output.contains(misplaced + " is in the wrong place"), damaged.output);
    assertTrue(damaged.output.contains("4 problems"), damaged.output);
    // Blocks are not metadata.
    assertEquals(ExitCodes.OK, eggs("fsck", "--data-dir", data).exitCode);
    assertEquals(ExitCodes.OK, eggs("verify-equal", data, twin.toString()).exitCode);

    // A disk that is elsewhere; one with a block, or nothing would miss it.
    Path block = twin.resolve(options.dataDir.relativize(blocks.get(0)));
    Path disk = block.getParent().getParent().getParent();
    Files.move(disk, folder.resolve("disk"));
    Ran missing = eggs("fsck", "--data-dir", twin.toString(), "--blocks");
    assertEquals(ExitCodes.FAILED, missing.exitCode);
    assertTrue(missing.output.contains("the disk of service"), missing.output);

    byte[] parentOfNobody =
        ByteBuffer.allocate(9).put((byte) 2).putLong(InodeIds.ROOT + 0x99900).array();
    byte[] root =
        ByteBuffer.allocate(9)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put((byte) 1)
            .putLong(InodeIds.ROOT)
            .array();
    change(twin.resolve("cdc"), parentOfNobody, root);
    Ran cdc = eggs("fsck", "--data-dir", twin.toString());
    assertEquals(ExitCodes.FAILED, cdc.exitCode);
    assertTrue(cdc.output.contains("its shard does not know the directory"), cdc.output);
    Ran different = eggs("verify-equal", data, twin.toString());
    assertEquals(ExitCodes.FAILED, different.exitCode);
    assertTrue(
        different.output.contains("cdc key 022000000000099900 only in the second"),
        different.output);
    assertEquals(ExitCodes.FAILED, eggs("verify-equal", data, folder.toString()).exitCode);
  }
}
