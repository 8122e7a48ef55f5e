package org.eggsfs.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.SpanReader;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;

/**
 * Begins and opens files by inode id: what has content, files and symbolic links, is written by a
 * {@link FileWriter} and read by a {@link FileReader}. Thread-safe.
 */
public final class FileStreams {
  private static final int SYMLINK_SIZE_MAX = 1 << 20;

  private final EggsClient client;
  private final ClientConfig config;
  private final BufferPool pool;
  private final PolicyCache policies;
  private final SpanUploader uploader;
  private final SpanReader spanReader;
  private final ShardSupport support;

  FileStreams(
      EggsClient client,
      ClientConfig config,
      BufferPool pool,
      PolicyCache policies,
      SpanUploader uploader,
      SpanReader spanReader,
      ShardSupport support) {
    this.client = client;
    this.config = config;
    this.pool = pool;
    this.policies = policies;
    this.uploader = uploader;
    this.spanReader = spanReader;
    this.support = support;
  }

  /** Creates a symbolic link, in place of a file that may have had the name. */
  public long symlink(long directory, byte[] name, byte[] target)
      throws EggsException, IOException {
    return symlink(directory, name, target, false);
  }

  /**
   * Creates a symbolic link.
   *
   * @param mustBeNew whether it is an error if something has the name
   * @throws EggsException CANNOT_OVERRIDE_NAME if the name is not new, or leads to a directory
   */
  public long symlink(long directory, byte[] name, byte[] target, boolean mustBeNew)
      throws EggsException, IOException {
    try (FileWriter writer = writer(directory, name, InodeType.SYMLINK)) {
      writer.write(target, 0, target.length);
      return writer.commitAs(directory, name, mustBeNew).id();
    }
  }

  /**
   * The target of a symbolic link.
   *
   * @throws EggsException TYPE_IS_DIRECTORY or MISMATCHING_TARGET if it is something else
   */
  public byte[] readlink(long id) throws EggsException, IOException {
    if (!InodeIds.isSymlink(id)) {
      throw new EggsException(
          InodeIds.isDirectory(id) ? ErrorCode.TYPE_IS_DIRECTORY : ErrorCode.MISMATCHING_TARGET,
          "not a symbolic link");
    }
    try (FileReader reader = open(id)) {
      if (reader.size() > SYMLINK_SIZE_MAX) {
        throw new IOException("the target of a symbolic link has " + reader.size() + " bytes");
      }
      ByteBuffer target = ByteBuffer.allocate((int) reader.size());
      reader.readFully(0, target);
      return target.array();
    }
  }

  /** Begins a new file that gets this name when it is committed. */
  public FileWriter create(long directory, byte[] name) throws EggsException, IOException {
    return writer(directory, name, InodeType.FILE);
  }

  /** The same with a file that was constructed ahead in the directory's shard. */
  public FileWriter create(long directory, byte[] name, SpanUploader.TransientFile constructed)
      throws EggsException, IOException {
    if (InodeIds.shard(directory) != InodeIds.shard(constructed.id())) {
      throw new IllegalArgumentException("the directory is in another shard than the file");
    }
    FileWriter writer = writer(directory, name, InodeType.FILE);
    writer.adopt(constructed);
    return writer;
  }

  /**
   * Constructs a file ahead of its use, so that the next creation in a shard need not wait for it.
   *
   * @param note what it is for, shown to operators who find it abandoned
   */
  public CompletableFuture<SpanUploader.TransientFile> construct(int shard, byte[] note) {
    return client
        .shardAsync(shard, new ConstructFileRequest(InodeType.FILE, note))
        .thenApply(
            response -> {
              ConstructFileResponse made = (ConstructFileResponse) response;
              return new SpanUploader.TransientFile(made.id(), made.cookie());
            });
  }

  /** Lets a file under construction expire at once; does not wait. */
  public void scrap(SpanUploader.TransientFile file) {
    client.shardForget(
        InodeIds.shard(file.id()), new ScrapTransientFileRequest(file.id(), file.cookie()));
  }

  private FileWriter writer(long directory, byte[] name, int type)
      throws EggsException, IOException {
    DirectoryPolicies resolved = policies.get(directory);
    int shard = InodeIds.shard(directory);
    return new FileWriter(
        client,
        pool,
        uploader,
        resolved,
        shard,
        type,
        config.spansInFlight(),
        new FileWriter.Place(directory, name, false),
        support);
  }

  /** Opens a file or the text of a symbolic link for reading. */
  public FileReader open(long id) throws EggsException, IOException {
    if (InodeIds.isDirectory(id)) {
      throw new EggsException(ErrorCode.TYPE_IS_DIRECTORY);
    }
    return FileReader.open(spanReader, pool, client, id, config.readDeadline().toNanos());
  }

  /**
   * Opens a file whose size is known, a linked one or what has its place already of one under
   * construction. Asks for nothing before it is read; a span that is not there is an error then.
   *
   * @param size up to where its spans reach, in bytes
   */
  public FileReader open(long id, long size) throws EggsException, IOException {
    if (InodeIds.isDirectory(id)) {
      throw new EggsException(ErrorCode.TYPE_IS_DIRECTORY);
    }
    return FileReader.open(spanReader, pool, client, id, size, config.readDeadline().toNanos());
  }
}
