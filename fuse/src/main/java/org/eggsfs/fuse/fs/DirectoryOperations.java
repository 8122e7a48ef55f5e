package org.eggsfs.fuse.fs;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.fuse.kernel.Abi;
import org.eggsfs.fuse.kernel.DirectoryPage;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseRequest;

/** Listing directories. */
final class DirectoryOperations {
  private final EggsClient client;
  private final Nodes nodes;
  private final Names names;
  private final Handles handles;
  private final Unfinished unfinished;

  DirectoryOperations(EggsClient client, Names names, Handles handles, Unfinished unfinished) {
    this.client = client;
    this.nodes = names.nodes();
    this.names = names;
    this.handles = handles;
    this.unfinished = unfinished;
  }

  void openDirectory(FuseRequest request, long node) {
    Node directory = nodes.getOrNew(Names.inode(node));
    Waiting.when(
        request,
        names.directory(directory),
        facts -> {
          boolean same = directory.listed(facts.mtime());
          long handle = handles.add(new DirectoryHandle(client, names, directory, unfinished));
          int flags = Abi.FOPEN_CACHE_DIR | (same ? Abi.FOPEN_KEEP_CACHE : 0);
          if (!request.opened(handle, flags)) {
            handles.remove(handle);
          }
        });
  }

  void readDirectory(
      FuseRequest request, long node, long handle, long offset, int size, boolean plus) {
    if (!(handles.get(handle) instanceof DirectoryHandle directory)) {
      request.error(Errno.EBADF);
      return;
    }
    Waiting.later(
        request,
        () -> {
          long inode = Names.inode(node);
          Node.DirectoryFacts facts = nodes.getOrNew(inode).directory();
          long owner = facts == null || inode == InodeIds.ROOT ? inode : facts.owner();
          DirectoryPage page = request.page(size, plus);
          List<Long> told = new ArrayList<>();
          boolean taken = false;
          try {
            directory.fill(page, offset, owner, told);
            taken = request.page(page);
          } finally {
            if (!taken) {
              told.forEach(id -> nodes.forget(id, 1));
            }
          }
        });
  }

  void releaseDirectory(FuseRequest request, long handle) {
    request.error(handles.remove(handle) == null ? Errno.EBADF : 0);
  }
}
