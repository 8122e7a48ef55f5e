package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.KeyFile;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.MalformedMessageException;

/**
 * One block service: one directory with its key (blocks.md sections 3, 4, 6). All methods may be
 * called from any thread; blocks are independent of each other, and writes and erases of the same
 * block leave one of the legal outcomes.
 */
final class BlockService implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(BlockService.class.getName());

  /** After so many I/O errors their count says enough. */
  private static final int EIO_ALERTS_MAX = 20;

  /** Ids are times; one further ahead than this cannot come from a shard. */
  private static final long FUTURE_LIMIT_NANOS = 22L * 3600 * 1_000_000_000L;

  final long id;
  final int storageClass;
  final Path directory;
  final byte[] secretKey;
  final LongAdder requests = new LongAdder();
  final LongAdder ioErrors = new LongAdder();
  final AtomicLong blockCount = new AtomicLong();

  private final CbcMac key;
  private final BlockServerConfig config;
  private final BlocksRuntime runtime;
  private final FileSystemCommitter committer;
  private final FileStore fileStore;
  private final Posix.Descriptor lock;
  private final RecentErasures recentErasures = new RecentErasures();

  /** Set when the disk failed its last probe: left out of registrations until it works again. */
  private volatile boolean deviceFailed;

  private BlockService(
      BlockServerConfig config,
      BlocksRuntime runtime,
      BlockServerConfig.Disk disk,
      byte[] secretKey,
      Posix.Descriptor lock)
      throws IOException {
    this.config = config;
    this.runtime = runtime;
    this.directory = disk.directory();
    this.storageClass = disk.storageClass();
    this.secretKey = secretKey;
    this.lock = lock;
    this.key = new CbcMac(secretKey);
    this.id = Certificates.blockServiceId(secretKey);
    this.committer = runtime.committer(directory);
    this.fileStore = Files.getFileStore(directory);
  }

  /**
   * Opens or formats a directory and locks it.
   *
   * @throws IOException if it is unusable, damaged or served by another process
   */
  static BlockService open(
      BlockServerConfig config, BlocksRuntime runtime, BlockServerConfig.Disk disk)
      throws IOException {
    Path directory = disk.directory();
    Files.createDirectories(directory);
    byte[] fresh = new byte[16];
    new SecureRandom().nextBytes(fresh);
    byte[] secretKey;
    // Two processes must not format the same new disk, so the directory is locked first.
    try (Posix.Descriptor formatting = Posix.open(directory)) {
      if (!Posix.lock(formatting)) {
        throw new IOException(directory + " is being opened by another process; try again");
      }
      secretKey = KeyFile.readOrCreate(directory, fresh);
    }
    Posix.Descriptor lock = Posix.open(directory.resolve(KeyFile.NAME));
    try {
      if (!Posix.lock(lock)) {
        throw new IOException(
            directory + " is served by another process; stop it, or choose another directory");
      }
      BlockService service = new BlockService(config, runtime, disk, secretKey, lock);
      service.removeTemporaryFiles();
      return service;
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /** Deletes what interrupted writes left behind, and counts the blocks. */
  private void removeTemporaryFiles() throws IOException {
    long count = 0;
    removeTemporaryFiles(directory);
    Path root = directory.resolve(BlockPaths.ROOT);
    for (int i = 0; i < 256; i++) {
      Path sub = root.resolve(HexFormat.of().toHexDigits((byte) i));
      if (Files.isDirectory(sub)) {
        count += removeTemporaryFiles(sub);
      }
    }
    blockCount.set(count);
  }

  private static long removeTemporaryFiles(Path directory) throws IOException {
    long others = 0;
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        if (file.getFileName().toString().startsWith(BlockFormat.TEMPORARY_PREFIX)) {
          Files.deleteIfExists(file);
        } else {
          others++;
        }
      }
    }
    return others;
  }

  private Path path(long blockId) {
    return directory.resolve(BlockPaths.relative(blockId));
  }

  long capacityBytes() throws IOException {
    return Math.max(0, fileStore.getTotalSpace() - config.reservedBytes());
  }

  long availableBytes() throws IOException {
    return Math.max(0, fileStore.getUsableSpace() - config.reservedBytes());
  }

  /** Whether the disk should be offered to others. */
  boolean isHealthy() {
    return !deviceFailed;
  }

  // ---------------------------------------------------------------- erase

  /** blocks.md section 6.1. The proof comes once the removal is durable. */
  CompletableFuture<Long> erase(long blockId, long certificate) throws EggsException {
    if (certificate != Certificates.eraseCertificate(key, id, blockId)) {
      LOGGER.log(System.Logger.Level.WARNING, "bad erase certificate for block " + hex(blockId));
      throw new EggsException(ErrorCode.BAD_CERTIFICATE);
    }
    if (config.wallClock().getAsLong() - blockId < config.eraseCutoff()) {
      throw new EggsException(ErrorCode.BLOCK_TOO_RECENT_FOR_DELETION);
    }
    recentErasures.add(blockId, System.nanoTime());
    try {
      if (Files.deleteIfExists(path(blockId))) {
        blockCount.decrementAndGet();
      } else if (missing() != ErrorCode.BLOCK_NOT_FOUND) {
        // The whole disk is gone: what it holds is not erased.
        throw new EggsException(ErrorCode.BLOCK_IO_ERROR_DEVICE);
      }
    } catch (IOException e) {
      throw new EggsException(classify(e, "erase of " + hex(blockId)));
    }
    // Also when it was absent: an earlier attempt may have removed it without getting to the sync.
    return committer.sync().thenApply(done -> Certificates.eraseProof(key, id, blockId));
  }

  // ---------------------------------------------------------------- fetch

  /** A block file opened for reading. */
  record Opened(FileChannel channel, long pages) {}

  /** Opens a block (blocks.md section 6.2, steps 2). */
  Opened open(long blockId) throws EggsException {
    FileChannel channel = null;
    try {
      channel = FileChannel.open(path(blockId), StandardOpenOption.READ);
      return new Opened(channel, BlockFormat.pages(channel.size()));
    } catch (NoSuchFileException e) {
      throw new EggsException(missing());
    } catch (IOException e) {
      closeQuietly(channel);
      throw new EggsException(classify(e, "open of " + hex(blockId)));
    }
  }

  /** A missing block is one thing, a missing disk another. */
  private ErrorCode missing() {
    if (Files.exists(directory.resolve(KeyFile.NAME), LinkOption.NOFOLLOW_LINKS)) {
      return ErrorCode.BLOCK_NOT_FOUND;
    }
    markFailed("its key file is gone");
    return ErrorCode.BLOCK_IO_ERROR_DEVICE;
  }

  // ---------------------------------------------------------------- check

  /** blocks.md section 6.4: reads the block through and compares size and CRCs. */
  void check(long blockId, long size, int crc) throws EggsException {
    Opened opened = open(blockId);
    ByteBuffer chunk = runtime.takeChunk();
    try (FileChannel channel = opened.channel) {
      long fileSize = channel.size();
      if (fileSize % BlockFormat.RECORD != 0 || opened.pages * BlockFormat.PAGE != size) {
        throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
      }
      int total = 0;
      long position = 0;
      while (position < fileSize) {
        int part =
            (int) Math.min(fileSize - position, BlocksRuntime.CHUNK_PAGES * BlockFormat.RECORD);
        chunk.clear().limit(part);
        readFully(channel, chunk, position);
        total = BlockFormat.checkRecords(chunk.flip(), total);
        position += part;
      }
      if (total != crc) {
        throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
      }
    } catch (MalformedMessageException e) {
      throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
    } catch (IOException e) {
      throw new EggsException(classify(e, "check of " + hex(blockId)));
    } finally {
      runtime.giveChunk(chunk);
    }
  }

  static void readFully(FileChannel channel, ByteBuffer target, long position) throws IOException {
    long at = position;
    while (target.hasRemaining()) {
      int count = channel.read(target, at);
      if (count < 0) {
        throw new IOException("the file became shorter while it was read");
      }
      at += count;
    }
  }

  // ---------------------------------------------------------------- write

  /** Whether a write may begin (blocks.md section 6.3, certificate first). */
  void checkWrite(long blockId, int crc, long size, long certificate, long sizeMax)
      throws EggsException {
    if (certificate != Certificates.writeCertificate(key, id, blockId, crc, size)) {
      LOGGER.log(System.Logger.Level.WARNING, "bad write certificate for block " + hex(blockId));
      throw new EggsException(ErrorCode.BAD_CERTIFICATE);
    }
    long now = config.wallClock().getAsLong();
    if (blockId < 0 || blockId - now > FUTURE_LIMIT_NANOS) {
      LOGGER.log(System.Logger.Level.WARNING, "block " + hex(blockId) + " is from the far future");
      throw new EggsException(ErrorCode.INTERNAL_ERROR);
    }
    if (now - blockId > config.writeCutoff()
        || recentErasures.contains(blockId, System.nanoTime())) {
      throw new EggsException(ErrorCode.BLOCK_TOO_OLD_FOR_WRITE);
    }
    if (size > sizeMax) {
      throw new EggsException(ErrorCode.BLOCK_TOO_BIG);
    }
  }

  /** The block was erased while it was written: it must not appear. */
  static final class ErasedMeanwhileException extends IOException {
    private static final long serialVersionUID = 1;

    ErasedMeanwhileException() {
      super("the block was erased while it was written");
    }
  }

  /** A block on its way to the disk, under a temporary name. */
  final class Writing {
    private final long blockId;
    private final Path temporary;
    private final FileChannel channel;
    private final long generation = committer.generation();
    private int crc;
    private long written;

    private Writing(long blockId, Path temporary, FileChannel channel) {
      this.blockId = blockId;
      this.temporary = temporary;
      this.channel = channel;
    }

    /** Appends pages; {@code records} is scratch space for them with their CRCs. */
    void append(ByteBuffer pages, ByteBuffer records) throws EggsException {
      try {
        records.clear();
        written += pages.remaining();
        crc = BlockFormat.putRecords(pages, records, crc);
        records.flip();
        while (records.hasRemaining()) {
          channel.write(records);
        }
      } catch (IOException e) {
        throw new EggsException(classify(e, "write of " + hex(blockId)));
      }
    }

    /** Checks the whole and makes it durable; the proof comes when it is. */
    CompletableFuture<Long> commit(int expectedCrc, long expectedSize) throws EggsException {
      if (crc != expectedCrc || written != expectedSize) {
        throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
      }
      try {
        channel.close();
        if (config.verifyWrites()) {
          verify(temporary, expectedCrc, expectedSize);
        }
      } catch (IOException e) {
        throw new EggsException(classify(e, "write of " + hex(blockId)));
      }
      return committer
          .commit(this::rename, generation)
          .thenApply(done -> Certificates.writeProof(key, id, blockId));
    }

    private void rename() throws IOException {
      if (recentErasures.contains(blockId, System.nanoTime())) {
        throw new ErasedMeanwhileException();
      }
      Path target = path(blockId);
      boolean replaces = Files.exists(target);
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      if (!replaces) {
        blockCount.incrementAndGet();
      }
    }

    /** Removes what is there so far. */
    void abandon() {
      closeQuietly(channel);
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException e) {
        LOGGER.log(System.Logger.Level.DEBUG, "cannot remove " + temporary, e);
      }
    }
  }

  private void verify(Path file, int crc, long size) throws IOException, EggsException {
    ByteBuffer chunk = runtime.takeChunk();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      int total = 0;
      long position = 0;
      long fileSize = BlockFormat.fileOffset(size);
      if (channel.size() != fileSize) {
        throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
      }
      while (position < fileSize) {
        int part =
            (int) Math.min(fileSize - position, BlocksRuntime.CHUNK_PAGES * BlockFormat.RECORD);
        chunk.clear().limit(part);
        readFully(channel, chunk, position);
        total = BlockFormat.checkRecords(chunk.flip(), total);
        position += part;
      }
      if (total != crc) {
        throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
      }
    } catch (MalformedMessageException e) {
      throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
    } finally {
      runtime.giveChunk(chunk);
    }
  }

  /** Creates the temporary file of a block next to its final place. */
  Writing beginWrite(long blockId) throws EggsException {
    Path parent = path(blockId).getParent();
    String name =
        BlockFormat.TEMPORARY_PREFIX
            + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    Path temporary = parent.resolve(name);
    try {
      return new Writing(blockId, temporary, create(temporary));
    } catch (NoSuchFileException e) {
      return beginWriteInNewDirectory(blockId, parent, temporary);
    } catch (IOException e) {
      throw new EggsException(classify(e, "write of " + hex(blockId)));
    }
  }

  private Writing beginWriteInNewDirectory(long blockId, Path parent, Path temporary)
      throws EggsException {
    if (missing() == ErrorCode.BLOCK_IO_ERROR_DEVICE) {
      throw new EggsException(ErrorCode.BLOCK_IO_ERROR_DEVICE);
    }
    try {
      // Disks formatted by the original lack sub-directories; the commit's sync covers it.
      Files.createDirectories(parent);
      return new Writing(blockId, temporary, create(temporary));
    } catch (IOException e) {
      throw new EggsException(classify(e, "write of " + hex(blockId)));
    }
  }

  private static FileChannel create(Path file) throws IOException {
    return FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  /** A file for TestWrite, in the service's directory; never renamed. */
  Writing beginTestWrite() throws EggsException {
    Path temporary =
        directory.resolve(
            BlockFormat.TEMPORARY_PREFIX
                + "test-write"
                + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong()));
    try {
      return new Writing(0, temporary, create(temporary));
    } catch (IOException e) {
      throw new EggsException(classify(e, "test write"));
    }
  }

  /** Completes once everything written so far is durable. */
  CompletableFuture<Void> sync() {
    return committer.sync();
  }

  // ---------------------------------------------------------------- errors

  /** Which error an I/O failure is (blocks.md section 7.1), decided by a probe of the disk. */
  ErrorCode classify(IOException e, String what) {
    String message = String.valueOf(e.getMessage());
    if (message.contains("No space left on device") || message.contains("Disk quota exceeded")) {
      return ErrorCode.INTERNAL_ERROR;
    }
    boolean inputOutput =
        message.contains("Input/output error") || message.contains("No data available");
    if (inputOutput) {
      ioErrors.increment();
    }
    if (ioErrors.sum() <= EIO_ALERTS_MAX) {
      LOGGER.log(System.Logger.Level.WARNING, directory + ": " + what + " failed: " + message);
    }
    if (message.contains("Read-only file system")) {
      markFailed("it is read-only");
      return ErrorCode.BLOCK_IO_ERROR_DEVICE;
    }
    if (!inputOutput) {
      return ErrorCode.INTERNAL_ERROR;
    }
    return probe() ? ErrorCode.BLOCK_IO_ERROR_FILE : ErrorCode.BLOCK_IO_ERROR_DEVICE;
  }

  /** A small read, write and statistics of the disk; remembers and returns whether it works. */
  boolean probe() {
    Path file = directory.resolve(BlockFormat.TEMPORARY_PREFIX + "probe");
    try {
      fileStore.getUsableSpace();
      byte[] content = Files.readAllBytes(directory.resolve(KeyFile.NAME));
      if (content.length < secretKey.length) {
        throw new IOException("the key file is too short");
      }
      Files.write(file, content);
      Files.delete(file);
      if (deviceFailed) {
        LOGGER.log(System.Logger.Level.INFO, directory + " works again");
      }
      deviceFailed = false;
      return true;
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).contains("No space left on device")) {
        return true;
      }
      markFailed(String.valueOf(e.getMessage()));
      return false;
    }
  }

  private void markFailed(String why) {
    if (!deviceFailed) {
      deviceFailed = true;
      LOGGER.log(System.Logger.Level.ERROR, "disk " + directory + " failed: " + why);
    }
  }

  private static String hex(long blockId) {
    return "0x" + HexFormat.of().toHexDigits(blockId);
  }

  private static void closeQuietly(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        LOGGER.log(System.Logger.Level.DEBUG, "closing a block file", e);
      }
    }
  }

  @Override
  public void close() {
    lock.close();
  }
}
