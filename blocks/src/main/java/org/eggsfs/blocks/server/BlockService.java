package org.eggsfs.blocks.server;

import java.io.IOException;
import java.io.SyncFailedException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.blocks.disk.DiskError;
import org.eggsfs.blocks.disk.DiskFiles;
import org.eggsfs.blocks.disk.DiskHangsException;
import org.eggsfs.blocks.disk.WatchedFiles;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.DiskMisuseException;
import org.eggsfs.blocks.format.KeyFile;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.blocks.ListBlocksResponse;
import org.eggsfs.protocol.struct.BlockFile;

/**
 * One block service: one directory with its key (blocks.md sections 3, 4, 6). All methods may be
 * called from any thread; blocks are independent of each other, and writes and erases of the same
 * block leave one of the legal outcomes.
 *
 * <p>It serves as soon as it is open. Leftovers of earlier processes are removed and blocks are
 * counted after that, on a thread of the disk's own.
 */
final class BlockService implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(BlockService.class.getName());

  /** Ids are times; one further ahead than this cannot come from a shard. */
  private static final long FUTURE_LIMIT_NANOS = 22L * 3600 * 1_000_000_000L;

  /** Block files in a page of a listing; about 64 KiB. */
  private static final int LIST_PAGE = 4000;

  /** Where block files go that nothing refers to; never looked at again by the server. */
  static final String QUARANTINE = "quarantine";

  final long id;
  final int storageClass;
  final Path directory;
  final byte[] secretKey;
  final DiskHealth health;
  final BlockCounter counter = new BlockCounter();
  final DiskMetrics metrics = new DiskMetrics();
  final DiskQueue queue;
  final TransferBuffers.Share buffers;

  private final CbcMac key;
  private final BlockServerConfig config;
  private final FileSystemCommitter committer;
  private final WatchedFiles files;
  private final DiskFiles.Held lock;
  private final RecentErasures recentErasures = new RecentErasures();
  private final Staging staging;

  /** Temporary files of this process start like this, so that older ones can be told apart. */
  private final String temporaryPrefix = BlockFormat.TEMPORARY_PREFIX + randomHex() + ".";

  private final ThreadStarter threads;
  private final AtomicBoolean counting = new AtomicBoolean();
  private volatile boolean closed;

  private BlockService(
      BlockServerConfig config,
      BlocksRuntime runtime,
      BlockServerConfig.Disk disk,
      byte[] secretKey,
      DiskFiles.Held lock,
      Runnable onHealthChange)
      throws IOException {
    this.config = config;
    this.directory = disk.directory();
    this.storageClass = disk.storageClass();
    this.secretKey = secretKey;
    this.lock = lock;
    this.key = new CbcMac(secretKey);
    this.id = Certificates.blockServiceId(secretKey);
    this.threads = runtime.threads();
    this.queue = new DiskQueue(runtime.workers(), storageClass);
    this.buffers = runtime.buffers().share();
    this.committer = runtime.committer(directory);
    this.files = new WatchedFiles(runtime.files(), directory);
    this.staging = new Staging(directory, files, committer, counter, recentErasures);
    this.health =
        new DiskHealth(
            directory,
            runtime.files(),
            threads,
            files,
            committer,
            config.reservedBytes(),
            config.diskTimes(),
            onHealthChange);
  }

  /**
   * Opens or formats a directory and locks it.
   *
   * @param onHealthChange called when the disk's state has changed
   * @throws DiskMisuseException if it is damaged or served by another process
   * @throws IOException if the disk fails
   */
  static BlockService open(
      BlockServerConfig config,
      BlocksRuntime runtime,
      BlockServerConfig.Disk disk,
      Runnable onHealthChange)
      throws IOException {
    DiskFiles files = runtime.files();
    Path directory = disk.directory();
    files.createDirectories(directory);
    byte[] fresh = new byte[16];
    new SecureRandom().nextBytes(fresh);
    byte[] secretKey;
    // Two processes must not format the same new disk, so the directory is locked first.
    try (DiskFiles.Held formatting = files.lock(directory)) {
      if (formatting == null) {
        throw new DiskMisuseException(directory + " is being opened by another process; try again");
      }
      secretKey = KeyFile.readOrCreate(files, directory, fresh);
    }
    DiskFiles.Held lock = files.lock(directory.resolve(KeyFile.NAME));
    if (lock == null) {
      throw new DiskMisuseException(
          directory + " is served by another process; stop it, or choose another directory");
    }
    try {
      BlockService service =
          new BlockService(config, runtime, disk, secretKey, lock, onHealthChange);
      service.staging.recover();
      return service;
    } catch (IOException | RuntimeException | Error e) {
      lock.close();
      throw e;
    }
  }

  private static String randomHex() {
    return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
  }

  /**
   * Removes leftovers of earlier processes and counts the blocks, in the background; again after a
   * while if the disk fails meanwhile. Does nothing when it has begun already; without a thread for
   * it, it has not.
   */
  void startCounting() {
    if (!counting.compareAndSet(false, true)) {
      return;
    }
    boolean started = false;
    try {
      threads.start(
          Thread.ofPlatform()
              .daemon()
              .name("disk-count-" + directory.getFileName())
              .unstarted(
                  () -> {
                    while (!closed && !tryCount()) {
                      LockSupport.parkNanos(config.diskTimes().reopen());
                    }
                  }));
      started = true;
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "not counted yet: " + directory, e);
    } finally {
      counting.set(started);
    }
  }

  private boolean tryCount() {
    try {
      count();
      return true;
    } catch (IOException | RuntimeException | Error e) {
      if (!closed) {
        LOGGER.log(System.Logger.Level.WARNING, "cannot count the blocks of " + directory, e);
        health.suspectSomething();
      }
      return false;
    }
  }

  private void count() throws IOException {
    removeLeftovers(directory, names(directory));
    for (int i = 0; i < BlockFormat.SUB_DIRECTORIES && !closed; i++) {
      Path subDirectory = directory.resolve(BlockPaths.ROOT).resolve(BlockFormat.subDirectory(i));
      List<String> leftovers;
      synchronized (counter.lock(i)) {
        List<String> names = names(subDirectory);
        leftovers = names.stream().filter(BlockService::isTemporary).toList();
        counter.set(i, names.size() - leftovers.size());
      }
      removeLeftovers(subDirectory, leftovers);
    }
  }

  /** No directory is as good as an empty one. */
  private List<String> names(Path subDirectory) throws IOException {
    List<String> names = new ArrayList<>();
    try {
      files.list(subDirectory, names::add);
    } catch (NoSuchFileException e) {
      LOGGER.log(System.Logger.Level.TRACE, "no directory " + subDirectory, e);
    }
    return names;
  }

  private void removeLeftovers(Path from, List<String> names) {
    for (String name : names) {
      if (isTemporary(name) && !name.startsWith(temporaryPrefix)) {
        files.discard(from.resolve(name));
      }
    }
  }

  private static boolean isTemporary(String name) {
    return name.startsWith(BlockFormat.TEMPORARY_PREFIX);
  }

  private Path path(long blockId) {
    return directory.resolve(BlockPaths.relative(blockId));
  }

  /** Whether the disk answers; if not, requests get an error at once. */
  boolean isSuspended() {
    return files.isSuspended();
  }

  /** Threads that are inside a call for this disk. */
  int callCount() {
    return files.callCount();
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
    int subDirectory = BlockPaths.subDirectory(blockId);
    try {
      boolean existed;
      synchronized (counter.lock(subDirectory)) {
        staging.erase(blockId);
        existed = files.delete(path(blockId));
        counter.add(subDirectory, existed ? -1 : 0);
      }
      if (!existed && missing() != ErrorCode.BLOCK_NOT_FOUND) {
        // The whole disk is gone: what it holds is not erased.
        throw new EggsException(ErrorCode.BLOCK_IO_ERROR_DEVICE);
      }
    } catch (IOException e) {
      throw new EggsException(classify(e, blockId, "erase"));
    }
    // Also when it was absent: an earlier attempt may have removed it without getting to the sync.
    return committer.sync().thenApply(done -> Certificates.eraseProof(key, id, blockId));
  }

  // ---------------------------------------------------------------- fetch

  /** A block file opened for reading. */
  record Opened(long blockId, DiskFiles.File file, long pages) {}

  /** Opens a block (blocks.md section 6.2, steps 2). */
  Opened open(long blockId) throws EggsException {
    DiskFiles.File file = null;
    try {
      file = files.open(path(blockId));
      return new Opened(blockId, file, BlockFormat.pages(file.size()));
    } catch (NoSuchFileException e) {
      throw new EggsException(missing());
    } catch (IOException e) {
      files.closeQuietly(file);
      throw new EggsException(classify(e, blockId, "open"));
    }
  }

  /** Closes what was opened. */
  void close(Opened opened) {
    files.closeQuietly(opened.file);
  }

  /** A missing block is one thing, a missing disk another. */
  private ErrorCode missing() {
    try {
      if (files.exists(directory.resolve(KeyFile.NAME))) {
        return ErrorCode.BLOCK_NOT_FOUND;
      }
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "looking for the key of " + directory, e);
    }
    health.suspectSomething();
    return ErrorCode.BLOCK_IO_ERROR_DEVICE;
  }

  // ---------------------------------------------------------------- check

  /** blocks.md section 6.4: reads the block through and compares size and CRCs. */
  void check(long blockId, long size, int crc) throws EggsException {
    Opened opened = open(blockId);
    try {
      verify(opened.file, crc, size);
    } catch (IOException e) {
      throw new EggsException(classify(e, blockId, "check"));
    } finally {
      close(opened);
    }
  }

  private void verify(DiskFiles.File file, int crc, long size) throws IOException, EggsException {
    long fileSize = file.size();
    if (fileSize != BlockFormat.fileOffset(size) || size % BlockFormat.PAGE != 0) {
      throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
    }
    TransferBuffers.Lease lease = buffers.take();
    try {
      if (!BlockFormat.isSound(file, crc, lease.buffer())) {
        throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
      }
    } finally {
      lease.give();
    }
  }

  // ---------------------------------------------------------------- audit

  /**
   * A page of the block files of a directory, unsigned ascending ids.
   *
   * @param createdBefore only blocks with smaller ids; 0 = all
   */
  ListBlocksResponse list(int subDirectory, long startFrom, long createdBefore)
      throws EggsException {
    Path parent =
        directory.resolve(BlockPaths.ROOT).resolve(BlockFormat.subDirectory(subDirectory));
    long current = startFrom;
    try {
      long[] ids =
          names(parent).stream()
              .filter(BlockService::isBlock)
              .mapToLong(name -> HexFormat.fromHexDigitsToLong(name) ^ Long.MIN_VALUE)
              .sorted()
              .map(id -> id ^ Long.MIN_VALUE)
              .filter(
                  id ->
                      Long.compareUnsigned(id, startFrom) >= 0
                          && (createdBefore == 0 || Long.compareUnsigned(id, createdBefore) < 0))
              .limit(LIST_PAGE + 1L)
              .toArray();
      List<BlockFile> page = new ArrayList<>();
      for (int i = 0; i < Math.min(ids.length, LIST_PAGE); i++) {
        current = ids[i];
        try (DiskFiles.File file = files.open(parent.resolve(BlockPaths.fileName(current)))) {
          page.add(new BlockFile(current, file.size()));
        } catch (NoSuchFileException e) {
          LOGGER.log(System.Logger.Level.TRACE, "erased meanwhile", e);
        }
      }
      return new ListBlocksResponse(ids.length > LIST_PAGE ? ids[LIST_PAGE] : 0, page);
    } catch (IOException e) {
      throw new EggsException(classify(e, current, "listing"));
    }
  }

  private static boolean isBlock(String name) {
    return name.length() == 2 * Long.BYTES
        && name.chars().allMatch(c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
  }

  /**
   * Puts a block file aside that nothing refers to; it can be moved back by hand. Success also when
   * it is not there, as after a repetition.
   */
  CompletableFuture<Void> quarantine(long blockId, long certificate) throws EggsException {
    if (certificate != Certificates.quarantineCertificate(key, id, blockId)) {
      throw new EggsException(ErrorCode.BAD_CERTIFICATE);
    }
    if (config.wallClock().getAsLong() - blockId < config.eraseCutoff()) {
      throw new EggsException(ErrorCode.BLOCK_TOO_RECENT_FOR_DELETION);
    }
    recentErasures.add(blockId, System.nanoTime());
    int subDirectory = BlockPaths.subDirectory(blockId);
    Path aside = directory.resolve(QUARANTINE);
    try {
      files.createDirectories(aside);
      synchronized (counter.lock(subDirectory)) {
        staging.erase(blockId);
        files.rename(path(blockId), aside.resolve(BlockPaths.fileName(blockId)));
        counter.add(subDirectory, -1);
      }
      LOGGER.log(System.Logger.Level.WARNING, "block {0} is put aside in {1}", hex(blockId), aside);
    } catch (NoSuchFileException e) {
      if (missing() != ErrorCode.BLOCK_NOT_FOUND) {
        throw new EggsException(ErrorCode.BLOCK_IO_ERROR_DEVICE);
      }
    } catch (IOException e) {
      throw new EggsException(classify(e, blockId, "quarantine"));
    }
    return committer.sync();
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

  /** A block or a test write on its way to the disk. */
  interface Writing {
    /** Appends pages; {@code records} is scratch space for them with their CRCs. */
    void append(ByteBuffer pages, ByteBuffer records) throws EggsException;

    /** Removes what is there so far. */
    void abandon();
  }

  /** A block that gets its name when all of it is durable. */
  final class BlockWriting implements Writing {
    private final long blockId;
    private final long expectedSize;
    private final int expectedCrc;
    private final Staging.Writing staged;
    private int crc;
    private long written;

    private BlockWriting(long blockId, long size, int crc, Staging.Writing staged) {
      this.blockId = blockId;
      this.expectedSize = size;
      this.expectedCrc = crc;
      this.staged = staged;
    }

    @Override
    public void append(ByteBuffer pages, ByteBuffer records) throws EggsException {
      try {
        records.clear();
        written += pages.remaining();
        crc = BlockFormat.putRecords(pages, records, crc);
        staged.append(records.flip());
      } catch (IOException e) {
        throw new EggsException(classify(e, blockId, "write"));
      }
    }

    /** Checks the whole and makes it durable; the proof comes when it is. */
    CompletableFuture<Long> commit() throws EggsException {
      if (crc != expectedCrc || written != expectedSize) {
        throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
      }
      try {
        Path complete = staged.complete();
        if (config.verifyWrites()) {
          try (DiskFiles.File file = files.open(complete)) {
            verify(file, expectedCrc, expectedSize);
          }
        }
      } catch (IOException e) {
        throw new EggsException(classify(e, blockId, "write"));
      }
      return staged.commit().thenApply(done -> Certificates.writeProof(key, id, blockId));
    }

    @Override
    public void abandon() {
      staged.abandon();
    }
  }

  /** Creates a block, which is to have this size and checksum. */
  BlockWriting beginWrite(long blockId, long size, int crc) throws EggsException {
    try {
      return new BlockWriting(blockId, size, crc, stage(blockId, size, crc));
    } catch (Staging.ErasedMeanwhileException e) {
      throw new EggsException(ErrorCode.BLOCK_TOO_OLD_FOR_WRITE);
    } catch (IOException e) {
      throw new EggsException(classify(e, blockId, "write"));
    }
  }

  private Staging.Writing stage(long blockId, long size, int crc)
      throws IOException, EggsException {
    try {
      return staging.begin(blockId, size, crc);
    } catch (NoSuchFileException e) {
      if (missing() == ErrorCode.BLOCK_IO_ERROR_DEVICE) {
        throw new EggsException(ErrorCode.BLOCK_IO_ERROR_DEVICE);
      }
      // Somebody took it for rubbish.
      staging.makeDirectory();
      return staging.begin(blockId, size, crc);
    }
  }

  /** Data that nobody will ask for. */
  private final class TestWriting implements Writing {
    private final Path path;
    private final DiskFiles.File file;

    private TestWriting(Path path, DiskFiles.File file) {
      this.path = path;
      this.file = file;
    }

    @Override
    public void append(ByteBuffer pages, ByteBuffer records) throws EggsException {
      try {
        records.clear();
        BlockFormat.putRecords(pages, records, 0);
        records.flip();
        while (records.hasRemaining()) {
          file.write(records);
        }
      } catch (IOException e) {
        throw new EggsException(classify(e, 0, "test write"));
      }
    }

    @Override
    public void abandon() {
      files.closeQuietly(file);
      files.discard(path);
    }
  }

  /** A file for TestWrite, in the service's directory; never renamed. */
  Writing beginTestWrite() throws EggsException {
    Path path = directory.resolve(temporaryPrefix + "test-write" + randomHex());
    try {
      return new TestWriting(path, files.create(path));
    } catch (IOException e) {
      throw new EggsException(classify(e, 0, "test write"));
    }
  }

  /** Completes once everything written so far is durable. */
  CompletableFuture<Void> sync() {
    return committer.sync();
  }

  // ---------------------------------------------------------------- errors

  /** Which error an I/O failure is (blocks.md section 7.1), decided by a probe of the disk. */
  ErrorCode classify(IOException e, long blockId, String what) {
    return isUnclear(e)
        ? ioError(health.isDeviceFailure(blockId, message(what, blockId), e))
        : clearError(e, blockId, what);
  }

  /** The same for callers that must not wait for the probe. */
  CompletableFuture<ErrorCode> classifyLater(IOException e, long blockId, String what) {
    return isUnclear(e)
        ? health.deviceFailure(blockId, message(what, blockId), e).thenApply(BlockService::ioError)
        : CompletableFuture.completedFuture(clearError(e, blockId, what));
  }

  /** Whether only a probe can tell what has failed. */
  private static boolean isUnclear(IOException e) {
    DiskError error = DiskError.of(e);
    return !(e instanceof DiskHangsException)
        && (error == DiskError.DEVICE
            || (e instanceof SyncFailedException && error != DiskError.FULL));
  }

  private static ErrorCode ioError(boolean isDevice) {
    return isDevice ? ErrorCode.BLOCK_IO_ERROR_DEVICE : ErrorCode.BLOCK_IO_ERROR_FILE;
  }

  private ErrorCode clearError(IOException e, long blockId, String what) {
    if (e instanceof DiskHangsException) {
      return ErrorCode.BLOCK_IO_ERROR_DEVICE;
    }
    String message = message(what, blockId);
    DiskError error = DiskError.of(e);
    if (error == DiskError.READ_ONLY || error == DiskError.FULL) {
      // The probe finds out and says it once, however many requests fail.
      LOGGER.log(System.Logger.Level.DEBUG, message, e);
      health.suspectSomething();
    } else if (!closed) {
      LOGGER.log(System.Logger.Level.WARNING, directory + ": " + message, e);
    }
    return error == DiskError.READ_ONLY
        ? ErrorCode.BLOCK_IO_ERROR_DEVICE
        : ErrorCode.INTERNAL_ERROR;
  }

  private static String message(String what, long blockId) {
    return what + " of block " + hex(blockId) + " failed";
  }

  private static String hex(long blockId) {
    return "0x" + HexFormat.of().toHexDigits(blockId);
  }

  @Override
  public void close() {
    closed = true;
    lock.close();
  }
}
