package org.eggsfs.fuse.fs;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;

/**
 * Attributes of files and symbolic links, each believed for a lifetime and then asked for again.
 * Programs that look at all files of a directory ask for one after the other, and wait for each
 * answer; so when several in succession had to wait, those that come next in the listing are asked
 * for ahead, at first a few, then twice as many each time, as one reads ahead in a file.
 *
 * <p>Only files that the kernel knows and that were asked for before are asked for ahead. An answer
 * counts from when it was asked for, whoever asked: nothing is believed longer because of it.
 */
final class FileAttributes {
  /** Asked ahead at first, and at most. */
  static final int AHEAD_MIN = 4;

  static final int AHEAD_MAX = 256;

  /** Questions that are further apart have nothing to do with each other. */
  private static final long SUCCESSION_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final EggsClient client;
  private final Nodes nodes;
  private final long lifetimeNanos;

  FileAttributes(EggsClient client, Nodes nodes, long lifetimeNanos) {
    this.client = client;
    this.nodes = nodes;
    this.lifetimeNanos = lifetimeNanos;
  }

  /** How long they are believed from now on, in nanoseconds. */
  long left(Node.FileFacts facts) {
    return Math.clamp(lifetimeNanos - (System.nanoTime() - facts.atNanos()), 0, lifetimeNanos);
  }

  private boolean isFresh(Node.FileFacts facts) {
    return facts != null && left(facts) > 0;
  }

  /** An answer about a file no older than the lifetime. */
  CompletableFuture<Node.FileFacts> get(long id) {
    Node node = nodes.get(id);
    Node.FileFacts present = node == null ? null : node.file();
    if (isFresh(present)) {
      return CompletableFuture.completedFuture(present);
    }
    if (node == null) {
      return ask(id);
    }
    CompletableFuture<Node.FileFacts> underway = node.fileRefresh();
    if (underway != null) {
      return underway;
    }
    CompletableFuture<Node.FileFacts> mine = refresh(node);
    if (present != null) {
      aheadOf(node);
    }
    return mine;
  }

  private CompletableFuture<Node.FileFacts> ask(long id) {
    long atNanos = System.nanoTime();
    return client
        .shardAsync(InodeIds.shard(id), new StatFileRequest(id))
        .thenApply(
            response -> {
              StatFileResponse stat = (StatFileResponse) response;
              return new Node.FileFacts(stat.size(), stat.mtime(), stat.atime(), atNanos);
            });
  }

  /** Asks the shard; callers at the same time share the answer. */
  private CompletableFuture<Node.FileFacts> refresh(Node node) {
    CompletableFuture<Node.FileFacts> mine = new CompletableFuture<>();
    long mark = node.refreshFile(mine);
    ask(node.id)
        .whenComplete(
            (facts, failure) -> {
              node.fileRefreshed(mine, facts, mark);
              if (failure != null) {
                mine.completeExceptionally(Names.cause(failure));
              } else {
                mine.complete(facts);
              }
            });
    return mine;
  }

  /** Somebody had to wait for this file: others of its directory may be asked for next. */
  private void aheadOf(Node node) {
    Node directory = nodes.get(node.place().directory());
    if (directory == null) {
      return;
    }
    int count = directory.waited(System.nanoTime(), SUCCESSION_NANOS, AHEAD_MIN, AHEAD_MAX);
    if (count == 0) {
      return;
    }
    for (long target : directory.targetsBehind(node.id, count)) {
      Node sibling = nodes.get(target);
      if (sibling != null
          && sibling.file() != null
          && !isFresh(sibling.file())
          && sibling.fileRefresh() == null) {
        refresh(sibling);
      }
    }
  }
}
