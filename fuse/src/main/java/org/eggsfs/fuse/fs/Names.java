package org.eggsfs.fuse.fs;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.fuse.kernel.Abi;
import org.eggsfs.fuse.kernel.Attributes;
import org.eggsfs.fuse.kernel.Entry;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseRequest;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;

/**
 * Names and attributes with their lifetimes (mount.md section 2.3 and 5). Nothing here waits: what
 * is not known is asked for, and the future completes on a thread of the client's channel.
 *
 * <p>The bound: what another mount changed is seen here after {@code nameNanos}, whether the kernel
 * or this cache holds it, since the kernel gets only what is left of the time. A name looked up
 * when the directory had a certain mtime stays right for as long as it has that mtime, so one
 * question per directory keeps all its names alive. Sizes never change; times of files may be stale
 * as long as {@link FileAttributes} believes them.
 */
final class Names {
  /** Programs ask stdio for buffers of this size. */
  private static final int BLOCK_SIZE = 128 << 10;

  private static final int NAME_LENGTH_MAX = 255;

  private final EggsClient client;
  private final Nodes nodes;
  private final long nameNanos;
  private final FileAttributes files;
  private final int uid;
  private final int gid;
  private final int fileMode;
  private final int directoryMode;

  Names(EggsClient client, Nodes nodes, MountSettings settings) {
    this.client = client;
    this.nodes = nodes;
    this.nameNanos = settings.nameTimeout().toNanos();
    this.files = new FileAttributes(client, nodes, settings.attributeTimeout().toNanos());
    this.uid = settings.uid();
    this.gid = settings.gid();
    this.fileMode = 0777 & ~settings.fileMask();
    this.directoryMode = 0777 & ~settings.directoryMask();
  }

  Nodes nodes() {
    return nodes;
  }

  /** What is left of a lifetime that began then. */
  private static long left(long lifetimeNanos, long sinceNanos) {
    return Math.clamp(lifetimeNanos - (System.nanoTime() - sinceNanos), 0, lifetimeNanos);
  }

  boolean isFresh(Node.DirectoryFacts facts) {
    return facts != null && left(nameNanos, facts.atNanos()) > 0;
  }

  long nameLeft(long sinceNanos) {
    return left(nameNanos, sinceNanos);
  }

  long attributesLeft(Node.FileFacts facts) {
    return files.left(facts);
  }

  /** Permissions and type of an inode, which its id tells. */
  int mode(long inode) {
    return InodeIds.isDirectory(inode)
        ? Abi.S_IFDIR | directoryMode
        : InodeIds.isSymlink(inode) ? Abi.S_IFLNK | 0777 : Abi.S_IFREG | fileMode;
  }

  Attributes attributes(long inode, long size, long mtime, long atime) {
    // One link for directories too: tools that count on two for "no directories below" do not then.
    return new Attributes(inode, size, mtime, atime, mtime, mode(inode), 1, uid, gid, BLOCK_SIZE);
  }

  Attributes attributes(long inode, Node.FileFacts facts) {
    return attributes(inode, facts.size(), facts.mtime(), facts.atime());
  }

  Attributes attributes(long inode, Node.DirectoryFacts facts) {
    return attributes(inode, 0, facts.mtime(), facts.mtime());
  }

  Attributes attributes(WriteFile file) {
    return attributes(file.id(), file.size(), file.mtime(), file.atime());
  }

  /** An answer about a directory no older than the lifetime. */
  CompletableFuture<Node.DirectoryFacts> directory(Node node) {
    Node.DirectoryFacts present = node.directory();
    return isFresh(present) ? CompletableFuture.completedFuture(present) : refresh(node);
  }

  /** Asks the shard about a directory; callers at the same time share the answer. */
  private CompletableFuture<Node.DirectoryFacts> refresh(Node node) {
    CompletableFuture<Node.DirectoryFacts> mine = new CompletableFuture<>();
    long mark;
    synchronized (node) {
      CompletableFuture<Node.DirectoryFacts> underway = node.refresh();
      if (underway != null) {
        return underway;
      }
      node.refresh(mine);
      mark = node.changes();
    }
    long atNanos = System.nanoTime();
    client
        .shardAsync(InodeIds.shard(node.id), new StatDirectoryRequest(node.id))
        .whenComplete(
            (response, failure) -> {
              node.refreshed(mine);
              if (failure != null) {
                mine.completeExceptionally(cause(failure));
                return;
              }
              StatDirectoryResponse stat = (StatDirectoryResponse) response;
              Node.DirectoryFacts facts =
                  new Node.DirectoryFacts(stat.mtime(), stat.owner(), atNanos);
              node.directory(facts, mark);
              mine.complete(facts);
            });
    return mine;
  }

  /** An answer about a file or symbolic link no older than the lifetime. */
  CompletableFuture<Node.FileFacts> file(long id) {
    return files.get(id);
  }

  /**
   * What the kernel is told of a name that is known to lead to an inode.
   *
   * @param basis what was heard of the directory before the name was
   * @param atNanos when the name was asked for
   */
  CompletableFuture<Entry> entry(long id, Node directory, Node.DirectoryFacts basis, long atNanos) {
    if (InodeIds.isDirectory(id)) {
      Node node = nodes.getOrNew(id);
      return directory(node)
          .thenApply(
              facts ->
                  new Entry(
                      node(id),
                      entryNanos(directory, basis, atNanos),
                      nameLeft(facts.atNanos()),
                      attributes(id, facts)));
    }
    return file(id)
        .thenApply(
            facts ->
                new Entry(
                    node(id),
                    entryNanos(directory, basis, atNanos),
                    attributesLeft(facts),
                    attributes(id, facts)));
  }

  /** A name lives as long as it does itself, or, its directory being unchanged, as that does. */
  long entryNanos(Node directory, Node.DirectoryFacts basis, long atNanos) {
    long own = nameLeft(atNanos);
    Node.DirectoryFacts now = directory.directory();
    if (basis == null || now == null || now.mtime() != basis.mtime()) {
      return own;
    }
    return Math.max(own, nameLeft(now.atNanos()));
  }

  /** The kernel's number of an inode. */
  static long node(long inode) {
    return inode == InodeIds.ROOT ? Abi.ROOT_NODE : inode;
  }

  /** The inode of the kernel's number. */
  static long inode(long node) {
    return node == Abi.ROOT_NODE ? InodeIds.ROOT : node;
  }

  /** What a name leads to: an entry, a negative one if to nothing. */
  CompletableFuture<Entry> lookup(long directoryId, byte[] name) {
    Node directory = nodes.getOrNew(directoryId);
    Node.DirectoryFacts facts = directory.directory();
    Node.Edge kept = directory.edge(name);
    if (kept == null || facts == null) {
      return ask(directory, name);
    }
    if (isFresh(facts)) {
      return entry(kept, directory, facts);
    }
    return refresh(directory)
        .thenCompose(
            now -> {
              // A change has emptied the names.
              Node.Edge still = directory.edge(name);
              return still == null || now.mtime() != facts.mtime()
                  ? ask(directory, name)
                  : entry(still, directory, now);
            });
  }

  private CompletableFuture<Entry> entry(
      Node.Edge edge, Node directory, Node.DirectoryFacts facts) {
    return edge.target() == InodeIds.NULL
        ? CompletableFuture.completedFuture(Entry.negative(nameLeft(facts.atNanos())))
        : entry(edge.target(), directory, facts, facts.atNanos());
  }

  private CompletableFuture<Entry> ask(Node directory, byte[] name) {
    Node.DirectoryFacts basis = directory.directory();
    long atNanos = System.nanoTime();
    return client
        .shardAsync(InodeIds.shard(directory.id), new LookupRequest(directory.id, name))
        .handle(
            (response, failure) -> {
              if (failure == null) {
                LookupResponse found = (LookupResponse) response;
                directory.keep(name, new Node.Edge(found.targetId(), found.creationTime()), basis);
                return entry(found.targetId(), directory, basis, atNanos);
              }
              if (cause(failure) instanceof EggsException e
                  && e.code() == ErrorCode.NAME_NOT_FOUND) {
                directory.keep(name, new Node.Edge(InodeIds.NULL, 0), basis);
                return CompletableFuture.completedFuture(Entry.negative(nameLeft(atNanos)));
              }
              return CompletableFuture.<Entry>failedFuture(cause(failure));
            })
        .thenCompose(entry -> entry);
  }

  /** Of a file being written nothing is kept: it changes, and its name may not be real yet. */
  Entry entry(WriteFile file) {
    return new Entry(file.id(), 0, 0, attributes(file));
  }

  /** Tells the kernel what a name leads to; it knows the inode from then on. */
  void answer(FuseRequest request, long directory, byte[] name, Entry entry) {
    if (entry.node() == 0) {
      request.entry(entry);
      return;
    }
    long inode = inode(entry.node());
    nodes.lookedUp(inode, directory, name);
    if (!request.entry(entry)) {
      nodes.forget(inode, 1);
    }
  }

  /** Refuses a name that no directory can hold; true if it did. */
  static boolean refuseLong(FuseRequest request, byte[] name) {
    if (name.length > NAME_LENGTH_MAX) {
      request.error(Errno.ENAMETOOLONG);
      return true;
    }
    return false;
  }

  /** This mount has changed what a directory holds. */
  void changed(long directoryId) {
    Node directory = nodes.get(directoryId);
    if (directory != null) {
      directory.changed();
    }
  }

  /** What a future failed with. */
  static Throwable cause(Throwable failure) {
    Throwable at = failure;
    while (at instanceof CompletionException && at.getCause() != null) {
      at = at.getCause();
    }
    return at;
  }
}
