package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import org.eggsfs.blocks.disk.HostileFiles;
import org.eggsfs.blocks.disk.HostileFiles.Call;
import org.eggsfs.blocks.disk.WatchedFiles;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.StagedName;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.Crc32c;
import org.eggsfs.protocol.Frames;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: what is whole in the staging directory becomes a block, everything else goes, and an erased
 * block leaves nothing there. Method: files as a crash leaves them, and writings that are overtaken
 * by an erasure.
 */
class StagingTest {
  private static final long BLOCK = 0x178e5f3a2b1c0000L;
  private static final int PAGES = 3;

  @TempDir Path disk;
  private final BlockCounter counter = new BlockCounter();
  private final RecentErasures erasures = new RecentErasures();
  private HostileFiles files;
  private WatchedFiles watched;
  private FileSystemCommitter committer;
  private Staging staging;
  private byte[] records;
  private int crc;

  @BeforeEach
  void setUp() throws IOException {
    files = new HostileFiles(disk.getParent());
    watched = new WatchedFiles(files, disk);
    committer = new FileSystemCommitter(files, new ThreadStarter(Thread::start), disk);
    staging = new Staging(disk, watched, committer, counter, erasures);
    staging.recover();
    byte[] data = new byte[PAGES * BlockFormat.PAGE];
    new Random(1).nextBytes(data);
    ByteBuffer out = Frames.buffer(PAGES * BlockFormat.RECORD);
    crc = BlockFormat.putRecords(ByteBuffer.wrap(data), out, 0);
    assertEquals(Crc32c.sum(0, data, 0, data.length), crc);
    records = out.array();
  }

  @AfterEach
  void close() {
    committer.close();
  }

  private Path block(long id) {
    return disk.resolve(BlockPaths.relative(id));
  }

  private List<Path> staged() throws IOException {
    try (var names = Files.list(disk.resolve(StagedName.DIRECTORY))) {
      return names.toList();
    }
  }

  private Staging.Writing writing(long id) throws IOException {
    Staging.Writing writing = staging.begin(id, (long) PAGES * BlockFormat.PAGE, crc);
    writing.append(ByteBuffer.wrap(records));
    writing.complete();
    return writing;
  }

  @Test
  void aBlockAppearsWhenItIsCommitted() throws IOException {
    Staging.Writing writing = writing(BLOCK);
    assertFalse(Files.exists(block(BLOCK)));
    writing.commit().join();
    assertArrayEquals(records, Files.readAllBytes(block(BLOCK)));
    assertEquals(List.of(), staged());
  }

  @Test
  void whatIsWholeIsRecoveredAndTheRestGoes() throws IOException {
    Path directory = disk.resolve(StagedName.DIRECTORY);
    List<byte[]> damages = new ArrayList<>();
    damages.add(new byte[0]);
    damages.add(Arrays.copyOf(records, records.length - BlockFormat.RECORD));
    damages.add(Arrays.copyOf(records, records.length - 1));
    damages.add(Arrays.copyOf(records, records.length + BlockFormat.RECORD));
    for (int place : new int[] {0, 4096, records.length - 1}) {
      byte[] flipped = records.clone();
      flipped[place] ^= 4;
      damages.add(flipped);
    }
    for (int i = 0; i < damages.size(); i++) {
      StagedName name = new StagedName(BLOCK + 1 + i, PAGES * BlockFormat.PAGE, crc);
      Files.write(directory.resolve(name.toString(7)), damages.get(i));
    }
    // All pages in order, but not the block that was announced.
    Files.write(
        directory.resolve(
            new StagedName(BLOCK + 100, PAGES * BlockFormat.PAGE, crc + 1).toString(7)),
        records);
    Files.write(directory.resolve("tmp.0123"), records);
    StagedName whole = new StagedName(BLOCK, PAGES * BlockFormat.PAGE, crc);
    Files.write(directory.resolve(whole.toString(-1)), records);
    Files.write(directory.resolve(whole.toString(1)), records);

    staging.recover();

    assertEquals(List.of(), staged());
    assertArrayEquals(records, Files.readAllBytes(block(BLOCK)));
    try (var all = Files.walk(disk.resolve(BlockPaths.ROOT))) {
      assertEquals(1, all.filter(Files::isRegularFile).count());
    }
  }

  @Test
  void anErasureTakesAwayWhatIsBeingWritten() throws IOException {
    Staging.Writing first = writing(BLOCK);
    Staging.Writing second = writing(BLOCK);
    Staging.Writing other = writing(BLOCK + 1);
    erasures.add(BLOCK, System.nanoTime());
    staging.erase(BLOCK);
    assertEquals(1, staged().size());
    CompletionException refused =
        assertThrows(CompletionException.class, () -> first.commit().join());
    assertTrue(refused.getCause() instanceof Staging.ErasedMeanwhileException);
    first.abandon();
    second.abandon();
    assertThrows(Staging.ErasedMeanwhileException.class, () -> writing(BLOCK));
    other.commit().join();
    assertEquals(List.of(), staged());
    assertFalse(Files.exists(block(BLOCK)));
    assertTrue(Files.exists(block(BLOCK + 1)));
  }

  @Test
  void whatIsRecoveredGetsItsNameAfterASync() throws IOException {
    Path directory = disk.resolve(StagedName.DIRECTORY);
    List<Call> calls = new ArrayList<>();
    files.set((call, path) -> calls.add(call));
    Files.write(directory.resolve("rubbish"), records);
    staging.recover();
    assertFalse(calls.contains(Call.SYNC), "nothing is recovered");
    for (int i = 0; i < 3; i++) {
      StagedName name = new StagedName(BLOCK + i, PAGES * BlockFormat.PAGE, crc);
      Files.write(directory.resolve(name.toString(1)), records);
    }
    failOn(Call.SYNC);
    assertThrows(IOException.class, staging::recover);
    assertEquals(3, staged().size());
    files.set((call, path) -> calls.add(call));
    calls.clear();
    staging.recover();
    assertEquals(List.of(), staged());
    assertEquals(1, calls.stream().filter(call -> call == Call.SYNC).count());
    assertTrue(calls.indexOf(Call.SYNC) < calls.indexOf(Call.RENAME));
  }

  @Test
  void whatCouldNotBeRemovedIsRemovedLater() throws IOException {
    failOn(Call.DELETE);
    writing(BLOCK).abandon();
    writing(BLOCK + 1).abandon();
    assertEquals(2, staged().size());
    erasures.add(BLOCK, System.nanoTime());
    assertThrows(IOException.class, () -> staging.erase(BLOCK), "it would come back");
    watched.cleanUp();
    assertEquals(2, staged().size());
    files.disarm();
    staging.erase(BLOCK);
    assertEquals(1, staged().size());
    watched.cleanUp();
    assertEquals(List.of(), staged());
    failOn(Call.DELETE);
    staging.erase(BLOCK + 1);
    watched.cleanUp();
  }

  private void failOn(Call failing) {
    files.set(
        (call, path) -> {
          if (call == failing) {
            throw HostileFiles.error(5);
          }
        });
  }

  @Test
  void namesSayWhatTheyMean() {
    StagedName name = new StagedName(BLOCK, 100 << 20, 0xd9c908eb);
    assertEquals("178e5f3a2b1c0000.06400000.d9c908eb.0000000000000007", name.toString(7));
    assertEquals(name, StagedName.parse(name.toString(7)));
    for (String other :
        List.of("", "tmp.1", "178e5f3a2b1c0000", name.toString(7) + ".", "x" + name.toString(7))) {
      assertEquals(null, StagedName.parse(other));
    }
  }
}
