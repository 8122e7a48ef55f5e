package org.eggsfs.gc.repair;

import java.io.IOException;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.gc.Counters.Counter;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;

/**
 * A transient file in the shard of the files being repaired (gc.md section 5): replacements are
 * appended to it, then exchanged with what they replace, and the destructor takes it with all bad
 * blocks once it is scrapped or its deadline has passed. Used by one thread at a time; {@link
 * ScratchFiles} hands it out.
 *
 * <p>It keeps only the running end of the file. After a failure in between nobody knows what the
 * last span is, so the file is scrapped and the next use begins a new one.
 */
public final class ScratchFile {
  /** So that one destructor does not have to work through too long a file. */
  private static final int SPANS_MAX = 1000;

  private static final System.Logger LOG = System.getLogger(ScratchFile.class.getName());

  private final ShardCaller shards;
  private final Counter made;
  private final int shard;
  private final byte[] note;
  private final long lifetimeNanos;
  private long id;
  private long cookie;
  private long size;
  private int spans;
  private long bornNanos;

  ScratchFile(ShardCaller shards, Counter made, int shard, byte[] note, long lifetimeNanos) {
    this.shards = shards;
    this.made = made;
    this.shard = shard;
    this.note = note;
    this.lifetimeNanos = lifetimeNanos;
  }

  int shard() {
    return shard;
  }

  private boolean exists() {
    return id != 0;
  }

  /** Makes the file if there is none, or a new one if it is old, long or cannot be appended to. */
  public void open() throws EggsException, IOException {
    // Only the last span of a file may end within a page.
    boolean used = spans >= SPANS_MAX || size % SpanLayout.PAGE != 0;
    if (exists() && (used || isOld(System.nanoTime()))) {
      scrap();
    }
    if (!exists()) {
      ConstructFileResponse answer =
          shards.shard(shard, new ConstructFileRequest(InodeType.FILE, note));
      id = answer.id();
      cookie = answer.cookie();
      size = 0;
      spans = 0;
      bornNanos = System.nanoTime();
      made.increment();
    }
  }

  boolean isOld(long nowNanos) {
    return exists() && nowNanos - bornNanos > lifetimeNanos;
  }

  /** The inode, after {@link #open}. */
  public long id() {
    return id;
  }

  /** The permission to change it. */
  public long cookie() {
    return cookie;
  }

  /** Where the next span goes. */
  public long size() {
    return size;
  }

  /** A span was certified. */
  public void appended(long bytes) {
    size += bytes;
    spans++;
  }

  /** Brings its end forward; it dies by its deadline if this fails. */
  public void scrap() {
    if (!exists()) {
      return;
    }
    long scrapped = id;
    id = 0;
    try {
      shards.shard(shard, new ScrapTransientFileRequest(scrapped, cookie));
    } catch (EggsException | IOException e) {
      LOG.log(
          System.Logger.Level.DEBUG,
          "could not scrap the scratch file " + Long.toHexString(scrapped),
          e);
    }
  }
}
