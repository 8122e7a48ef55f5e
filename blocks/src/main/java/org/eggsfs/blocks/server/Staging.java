package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import org.eggsfs.blocks.disk.DiskFiles;
import org.eggsfs.blocks.disk.WatchedFiles;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.StagedName;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.protocol.Frames;

/**
 * Where the blocks of a disk are written before they get their names: the directory {@code staged}
 * of the block service. A staged file's name says what it has to become ({@link StagedName}), so a
 * block is safe once file and staged name are durable, which takes one sync; its own name follows
 * without another one. Whatever a crash leaves here, {@link #recover} gives a name if it is whole,
 * and removes otherwise. So a block is never visible before all of it is durable, and what was
 * acknowledged comes back.
 *
 * <p>Thread-safe.
 */
final class Staging {
  private static final System.Logger LOGGER = System.getLogger(Staging.class.getName());
  private static final int CHUNK = 256 * BlockFormat.RECORD;

  private final Path disk;
  private final Path directory;
  private final WatchedFiles files;
  private final FileSystemCommitter committer;
  private final BlockCounter counter;
  private final RecentErasures erasures;

  /** Blocks that are here, also several times. */
  private final ConcurrentHashMap<Long, Set<Writing>> present = new ConcurrentHashMap<>();

  /** The staging directory of the block service in {@code disk}. */
  Staging(
      Path disk,
      WatchedFiles files,
      FileSystemCommitter committer,
      BlockCounter counter,
      RecentErasures erasures) {
    this.disk = disk;
    this.directory = disk.resolve(StagedName.DIRECTORY);
    this.files = files;
    this.committer = committer;
    this.counter = counter;
    this.erasures = erasures;
  }

  /** The block was erased while it was written: it must not appear. */
  static final class ErasedMeanwhileException extends IOException {
    private static final long serialVersionUID = 1;

    ErasedMeanwhileException() {
      super("the block was erased while it was written");
    }
  }

  // ---------------------------------------------------------------- after a crash

  /**
   * Settles what an earlier process left. To be called before the first request: a block here may
   * have been acknowledged. It may also be in memory only, when the process was killed and the
   * system was not, so names are given after a sync.
   *
   * @throws IOException if the directory cannot be made or listed, or not be synced; a single file
   *     that cannot be read stays, as a block that is lost until it is repaired
   */
  void recover() throws IOException {
    makeDirectory();
    List<String> names = new ArrayList<>();
    files.list(directory, names::add);
    // One for all: there may be many files.
    ByteBuffer chunk = names.isEmpty() ? null : Frames.directBuffer(CHUNK);
    Map<Path, Long> whole = new LinkedHashMap<>();
    for (String name : names) {
      Path file = directory.resolve(name);
      StagedName staged = StagedName.parse(name);
      try {
        if (staged != null && isWhole(file, staged, chunk)) {
          whole.put(file, staged.blockId());
        } else {
          files.delete(file);
        }
      } catch (IOException e) {
        cannotRecover(file, e);
      }
    }
    int recovered = 0;
    if (!whole.isEmpty()) {
      try (DiskFiles.Held held = files.hold(disk)) {
        files.syncFileSystem(held);
      }
    }
    for (Map.Entry<Path, Long> block : whole.entrySet()) {
      try {
        giveName(block.getKey(), block.getValue());
        recovered++;
      } catch (IOException e) {
        cannotRecover(block.getKey(), e);
      }
    }
    if (!names.isEmpty()) {
      LOGGER.log(
          System.Logger.Level.INFO,
          "{0}: of {1} blocks that were being written {2} are whole",
          disk,
          names.size(),
          recovered);
    }
  }

  private static void cannotRecover(Path file, IOException e) {
    LOGGER.log(System.Logger.Level.WARNING, "cannot recover " + file + "; it stays", e);
  }

  /** Makes the directory, durably, if it is not there. */
  void makeDirectory() throws IOException {
    if (!files.exists(directory)) {
      files.createDirectories(directory);
      files.syncDirectory(disk);
    }
  }

  private boolean isWhole(Path path, StagedName expected, ByteBuffer chunk) throws IOException {
    try (DiskFiles.File file = files.open(path)) {
      return file.size() == BlockFormat.fileOffset(expected.size())
          && BlockFormat.isSound(file, expected.crc(), chunk);
    }
  }

  private void giveName(Path staged, long blockId) throws IOException {
    Path target = disk.resolve(BlockPaths.relative(blockId));
    try {
      files.rename(staged, target);
    } catch (NoSuchFileException e) {
      // Disks formatted by the original lack sub-directories.
      files.createDirectories(target.getParent());
      files.rename(staged, target);
    }
  }

  // ---------------------------------------------------------------- writing

  /**
   * Begins a block.
   *
   * @throws ErasedMeanwhileException if it was erased lately
   * @throws NoSuchFileException if the directory is gone, as when the disk is
   */
  Writing begin(long blockId, long size, int crc) throws IOException {
    long random = ThreadLocalRandom.current().nextLong();
    Path path = directory.resolve(new StagedName(blockId, size, crc).toString(random));
    Writing writing = new Writing(blockId, path, files.create(path));
    present.compute(
        blockId,
        (_, others) -> {
          Set<Writing> all = others == null ? ConcurrentHashMap.newKeySet() : others;
          all.add(writing);
          return all;
        });
    // After it is known here: an erasure either finds it or is found.
    if (erasures.contains(blockId, System.nanoTime())) {
      writing.abandon();
      throw new ErasedMeanwhileException();
    }
    return writing;
  }

  /**
   * Removes files of a block that is erased, so that none can come back after a crash. What is
   * written of it has to know of the erasure already; the caller holds the lock of its directory.
   */
  void erase(long blockId) throws IOException {
    for (Writing writing : present.getOrDefault(blockId, Set.of())) {
      files.delete(writing.path);
    }
  }

  private void forget(Writing writing) {
    present.computeIfPresent(
        writing.blockId,
        (_, all) -> {
          all.remove(writing);
          return all.isEmpty() ? null : all;
        });
  }

  /** A block on its way to the disk. To be used by one thread at a time. */
  final class Writing {
    private final long blockId;
    private final Path path;
    private final DiskFiles.File file;
    private final long generation = committer.generation();

    private Writing(long blockId, Path path, DiskFiles.File file) {
      this.blockId = blockId;
      this.path = path;
      this.file = file;
    }

    /** Appends records. */
    void append(ByteBuffer records) throws IOException {
      while (records.hasRemaining()) {
        file.write(records);
      }
    }

    /** Ends the writing; the file can be read. */
    Path complete() throws IOException {
      file.close();
      return path;
    }

    /** Makes it durable and gives it its name; completes when both are done. */
    CompletableFuture<Void> commit() {
      return committer.commit(this::appear, generation);
    }

    private void appear() throws IOException {
      int subDirectory = BlockPaths.subDirectory(blockId);
      synchronized (counter.lock(subDirectory)) {
        if (erasures.contains(blockId, System.nanoTime())) {
          throw new ErasedMeanwhileException();
        }
        boolean replaces = files.exists(disk.resolve(BlockPaths.relative(blockId)));
        giveName(path, blockId);
        counter.add(subDirectory, replaces ? 0 : 1);
      }
      forget(this);
    }

    /** Removes what is there so far. */
    void abandon() {
      files.closeQuietly(file);
      // As long as the file is there an erasure of the block has to remove it.
      files.discard(path, () -> forget(this));
    }
  }
}
