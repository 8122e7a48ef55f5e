package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.fuse.kernel.DirectoryPage;
import org.eggsfs.fuse.kernel.Entry;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.struct.CurrentEdge;

/**
 * An open directory. Offsets are 0 for ".", 1 for ".." and then the hash of the name that comes
 * next, so a program may seek to any offset it has seen, also in another handle and after changes.
 * Names with equal hashes are told apart as long as the listing is read on in this handle.
 *
 * <p>Attributes for READDIRPLUS are asked for a page of the shard at a time, all at once. One
 * operation at a time.
 */
final class DirectoryHandle implements Handles.Handle {
  private static final long END = Long.MAX_VALUE;
  private static final byte[] DOT = {'.'};
  private static final byte[] DOT_DOT = {'.', '.'};

  private final EggsClient client;
  private final Names names;
  private final Node directory;
  private final Unfinished unfinished;

  private List<CurrentEdge> page = List.of();

  /** Of the entries from {@link #attributesFrom} on; empty until somebody asks. */
  private List<CompletableFuture<Entry>> attributes = List.of();

  private int attributesFrom;
  private long attributesAtNanos;
  private long pageAtNanos;
  private long pageAtChange;
  private Node.DirectoryFacts basis;
  private long nextHash;
  private int index;

  /** Offset that {@link #index} stands for; -1 when nothing is loaded. */
  private long position = -1;

  DirectoryHandle(EggsClient client, Names names, Node directory, Unfinished unfinished) {
    this.client = client;
    this.names = names;
    this.directory = directory;
    this.unfinished = unfinished;
  }

  /**
   * Fills a page from an offset on.
   *
   * @param told receives the nodes that it tells the kernel of, also when it fails
   */
  synchronized void fill(DirectoryPage out, long offset, long owner, List<Long> told)
      throws EggsException, IOException, InterruptedException {
    boolean filled = false;
    try {
      fillFrom(out, offset, owner, told);
      filled = true;
    } finally {
      if (!filled) {
        // Wherever it stopped, the next one begins by looking.
        position = -1;
      }
    }
  }

  private void fillFrom(DirectoryPage out, long offset, long owner, List<Long> told)
      throws EggsException, IOException, InterruptedException {
    if (offset == END) {
      return;
    }
    long at = offset;
    if (at == 0) {
      out.add(DOT, directory.id, 1, DirectoryPage.DT_DIR, null);
      at = 1;
    }
    if (at == 1) {
      seek(0);
      if (!out.fits(DOT_DOT.length)) {
        return;
      }
      out.add(DOT_DOT, owner, here(), DirectoryPage.DT_DIR, null);
    } else if (at != position) {
      seek(at);
    }
    while (index < page.size()) {
      CurrentEdge edge = page.get(index);
      if (!out.fits(edge.name().length)) {
        break;
      }
      long inode = edge.targetId();
      Entry entry = out.plus() ? toldNow(entry(index), edge.name()) : null;
      index++;
      if (index == page.size() && nextHash != 0) {
        load(nextHash);
      }
      position = here();
      out.add(edge.name(), inode, position, type(inode), entry);
      if (entry != null) {
        names.nodes().lookedUp(inode, directory.id, edge.name());
        told.add(inode);
      }
    }
  }

  /**
   * An entry as the kernel may believe it now: it has been heard with the whole page, perhaps long
   * ago, and since then this mount may have changed what the name leads to.
   */
  private Entry toldNow(Entry entry, byte[] name) {
    if (entry == null) {
      return null;
    }
    boolean doubtful =
        directory.changes() != pageAtChange || unfinished.isPending(directory.id, name);
    return entry
        .withEntryNanos(doubtful ? 0 : names.entryNanos(directory, basis, pageAtNanos))
        .aged(System.nanoTime() - attributesAtNanos);
  }

  private static int type(long inode) {
    return InodeIds.isDirectory(inode)
        ? DirectoryPage.DT_DIR
        : InodeIds.isSymlink(inode) ? DirectoryPage.DT_LNK : DirectoryPage.DT_REG;
  }

  private long here() {
    return index < page.size() ? page.get(index).nameHash() : END;
  }

  private void seek(long hash) throws EggsException, IOException {
    position = -1;
    load(hash);
    position = here();
  }

  private void load(long hash) throws EggsException, IOException {
    pageAtChange = directory.changes();
    basis = directory.directory();
    pageAtNanos = System.nanoTime();
    ReadDirResponse response =
        client.shard(InodeIds.shard(directory.id), new ReadDirRequest(directory.id, hash, 0));
    if (response.nextHash() != 0 && Long.compareUnsigned(response.nextHash(), hash) <= 0) {
      throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "directory listing goes backwards");
    }
    page = response.results();
    nextHash = response.nextHash();
    index = 0;
    attributes = List.of();
    for (CurrentEdge edge : page) {
      directory.keep(edge.name(), new Node.Edge(edge.targetId(), edge.creationTime()), basis);
    }
  }

  /** What the kernel is told of an entry; null if it cannot be had. */
  private Entry entry(int of) throws InterruptedException {
    if (attributes.isEmpty()) {
      attributesFrom = of;
      attributesAtNanos = System.nanoTime();
      attributes =
          page.subList(of, page.size()).stream()
              .map(edge -> names.entry(edge.targetId(), directory, basis, pageAtNanos))
              .toList();
    }
    try {
      return attributes.get(of - attributesFrom).get();
    } catch (ExecutionException e) {
      // Removed since it was listed, or its shard does not answer: the kernel asks when it matters.
      return null;
    }
  }
}
