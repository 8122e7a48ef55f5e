package org.eggsfs.store;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.rocksdb.AbstractNativeReference;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Checkpoint;
import org.rocksdb.CompressionType;
import org.rocksdb.IndexType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * One RocksDB. A synced batch is durable through the write-ahead log when {@link #write} returns;
 * after a crash the store opens with a prefix of the batches that contains all synced ones.
 *
 * <p>Damaged files are an error, when the store is opened or when the damage is read, and so is a
 * {@linkplain SealedValue value} that is not what was put. One damage looks like an ordinary crash
 * and is not seen: a write-ahead log that has lost its end.
 */
public final class RocksStore implements KeyValueStore {
  private static final long BLOCK_CACHE_BYTES = 64L << 20;
  private static final int CACHE_SHARD_BITS = 3;
  private static final long WRITE_BUFFER_BYTES = 32L << 20;
  private static final int BLOOM_BITS_PER_KEY = 10;
  private static final int BACKGROUND_JOBS_MAX = 2;

  static {
    RocksDB.loadLibrary();
  }

  private final LRUCache cache;
  private final BloomFilter bloomFilter;
  private final Options options;
  private final RocksDB database;
  private final WriteOptions synced;
  private final WriteOptions unsynced;

  /** Held shared by every use of the database, exclusively by {@link #close}. */
  private final ReentrantReadWriteLock lifecycle = new ReentrantReadWriteLock();

  /** Null for readers. */
  private final RequiredFiles required;

  private boolean closed;

  private RocksStore(Path directory, RequiredFiles required) throws RocksDBException {
    boolean readOnly = required == null;
    this.required = required;
    cache = new LRUCache(BLOCK_CACHE_BYTES, CACHE_SHARD_BITS);
    bloomFilter = new BloomFilter(BLOOM_BITS_PER_KEY, false);
    options =
        new Options()
            .setCreateIfMissing(!readOnly)
            .setWriteBufferSize(WRITE_BUFFER_BYTES)
            .setMaxWriteBufferNumber(3)
            .setMaxBackgroundJobs(BACKGROUND_JOBS_MAX)
            .setCompressionType(CompressionType.LZ4_COMPRESSION)
            .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
            .setKeepLogFileNum(4)
            .setMaxOpenFiles(512)
            .setStatsDumpPeriodSec(0)
            .setStatsPersistPeriodSec(0)
            // The default opens with what was before a damaged place in the log, and says nothing.
            // A crash leaves an unfinished record at its end, which this mode accepts.
            .setWalRecoveryMode(WALRecoveryMode.TolerateCorruptedTailRecords)
            .setTableFormatConfig(
                new BlockBasedTableConfig()
                    .setBlockCache(cache)
                    .setFilterPolicy(bloomFilter)
                    .setCacheIndexAndFilterBlocks(true)
                    // In pieces: those of a whole file are larger than a shard of the cache with
                    // half a million rows, and would be read again for every get.
                    .setIndexType(IndexType.kTwoLevelIndexSearch)
                    .setPartitionFilters(true)
                    .setPinTopLevelIndexAndFilter(true)
                    .setBlockSize(8 << 10));
    database =
        readOnly
            ? RocksDB.openReadOnly(options, directory.toString())
            : RocksDB.open(options, directory.toString());
    synced = new WriteOptions().setSync(true);
    unsynced = new WriteOptions();
  }

  /**
   * Opens or creates the store in a directory.
   *
   * @throws StoreException if the directory is unusable, damaged or open elsewhere
   */
  public static RocksStore open(Path directory) {
    try {
      DataDirectory.create(directory);
      RequiredFiles required = new RequiredFiles(directory);
      required.check();
      RocksStore store = new RocksStore(directory, required);
      try {
        required.note();
      } catch (IOException e) {
        store.close();
        throw e;
      }
      return store;
    } catch (IOException | RocksDBException e) {
      throw new StoreException(
          "cannot open the database in " + directory + ": " + e.getMessage(), e);
    }
  }

  /** Opens an existing store without changing anything, for offline tools. */
  public static RocksStore openReadOnly(Path directory) {
    try {
      return new RocksStore(directory, null);
    } catch (RocksDBException e) {
      throw new StoreException(
          "cannot read the database in " + directory + ": " + e.getMessage(), e);
    }
  }

  private void enter() {
    lifecycle.readLock().lock();
    if (closed) {
      lifecycle.readLock().unlock();
      throw new StoreException("the database is closed");
    }
  }

  private void leave() {
    lifecycle.readLock().unlock();
  }

  @Override
  public Snapshot snapshot() {
    enter();
    try {
      return new RocksSnapshot();
    } finally {
      leave();
    }
  }

  @Override
  public void write(List<Change> changes, boolean sync) {
    enter();
    try (WriteBatch batch = new WriteBatch()) {
      for (int i = 0; i < changes.size(); i++) {
        Change change = changes.get(i);
        if (change.value() == null) {
          batch.delete(change.key());
        } else {
          batch.put(change.key(), SealedValue.seal(change.key(), change.value()));
        }
      }
      database.write(sync ? synced : unsynced, batch);
      if (sync) {
        required.noteChanges();
      }
    } catch (IOException | RocksDBException e) {
      throw new StoreException("cannot write to the database: " + e.getMessage(), e);
    } finally {
      leave();
    }
  }

  @Override
  public void checkpoint(Path directory) {
    enter();
    try (Checkpoint checkpoint = Checkpoint.create(database)) {
      checkpoint.createCheckpoint(directory.toString());
    } catch (RocksDBException e) {
      throw new StoreException("cannot make a checkpoint in " + directory, e);
    } finally {
      leave();
    }
  }

  @Override
  public void close() {
    lifecycle.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        synced.close();
        unsynced.close();
        database.close();
        options.close();
        bloomFilter.close();
        cache.close();
      }
    } finally {
      lifecycle.writeLock().unlock();
    }
  }

  private final class RocksSnapshot implements Snapshot {
    private final org.rocksdb.Snapshot snapshot = database.getSnapshot();
    private final ReadOptions readOptions = new ReadOptions().setSnapshot(snapshot);

    /** Releasing twice would free native memory twice. */
    private final AtomicBoolean released = new AtomicBoolean();

    @Override
    public byte[] get(byte[] key) {
      enter();
      try {
        byte[] sealed = database.get(readOptions, key);
        return sealed == null ? null : SealedValue.open(key, sealed);
      } catch (RocksDBException e) {
        throw new StoreException("cannot read the database: " + e.getMessage(), e);
      } finally {
        leave();
      }
    }

    @Override
    public Cursor cursor() {
      enter();
      try {
        return new RocksCursor(database.newIterator(readOptions), List.of());
      } finally {
        leave();
      }
    }

    @Override
    public Cursor cursor(byte[] prefix) {
      byte[] end = firstAfter(prefix);
      if (end == null) {
        return cursor();
      }
      enter();
      try {
        // Bounds belong to the iterator and are not copied: all of it lives as long as the cursor.
        Slice from = new Slice(prefix);
        Slice to = new Slice(end);
        ReadOptions bounded =
            new ReadOptions()
                .setSnapshot(snapshot)
                .setIterateLowerBound(from)
                .setIterateUpperBound(to);
        return new RocksCursor(database.newIterator(bounded), List.of(bounded, from, to));
      } finally {
        leave();
      }
    }

    /** The first key that is behind all that begin so; null if nothing is. */
    private static byte[] firstAfter(byte[] prefix) {
      for (int i = prefix.length - 1; i >= 0; i--) {
        if (prefix[i] != (byte) 0xff) {
          byte[] end = Arrays.copyOf(prefix, i + 1);
          end[i]++;
          return end;
        }
      }
      return null;
    }

    @Override
    public void close() {
      if (!released.compareAndSet(false, true)) {
        return;
      }
      lifecycle.readLock().lock();
      try {
        readOptions.close();
        if (!closed) {
          database.releaseSnapshot(snapshot);
        }
      } finally {
        leave();
      }
    }
  }

  private static final class RocksCursor implements Cursor {
    private final RocksIterator iterator;
    private final List<AbstractNativeReference> needed;

    /**
     * A cursor.
     *
     * @param needed what the iterator refers to; closed after it
     */
    RocksCursor(RocksIterator iterator, List<AbstractNativeReference> needed) {
      this.iterator = iterator;
      this.needed = needed;
    }

    @Override
    public void seek(byte[] key) {
      iterator.seek(key);
    }

    @Override
    public void seekForPrev(byte[] key) {
      iterator.seekForPrev(key);
    }

    @Override
    public void next() {
      iterator.next();
    }

    @Override
    public void prev() {
      iterator.prev();
    }

    @Override
    public boolean isValid() {
      if (iterator.isValid()) {
        return true;
      }
      try {
        iterator.status();
      } catch (RocksDBException e) {
        // An iterator that failed looks like one at the end; a listing must not just stop.
        throw new StoreException("cannot read the database: " + e.getMessage(), e);
      }
      return false;
    }

    @Override
    public byte[] key() {
      return iterator.key();
    }

    @Override
    public byte[] value() {
      return SealedValue.open(iterator.key(), iterator.value());
    }

    @Override
    public void close() {
      iterator.close();
      needed.forEach(AbstractNativeReference::close);
    }
  }
}
