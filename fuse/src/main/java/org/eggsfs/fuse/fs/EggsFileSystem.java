package org.eggsfs.fuse.fs;

import java.nio.ByteBuffer;
import org.eggsfs.client.EggsClient;
import org.eggsfs.fuse.kernel.FuseOperations;
import org.eggsfs.fuse.kernel.FuseRequest;
import org.eggsfs.fuse.kernel.FuseSession;
import org.eggsfs.fuse.kernel.SetAttributes;

/**
 * The operations of a mount (mount.md section 5, last column), each where its kind is.
 *
 * <p>Threads: what is known is answered on the session's reader thread; lookups and attributes that
 * have to be asked for are answered by the client's channel when the shard has; everything that
 * waits runs on a virtual thread of its own, as many as the kernel has processes waiting.
 *
 * <p>A file is visible when it is committed, at its last close ({@link CloseJudge}); what is
 * committed is durable. Whatever writes into a committed file gets EPERM.
 */
public final class EggsFileSystem implements FuseOperations {
  private final Nodes nodes = new Nodes();
  private final Handles handles = new Handles();
  private final Unfinished unfinished;
  private final AttributeOperations attributes;
  private final NameOperations changes;
  private final FileOperations files;
  private final DirectoryOperations directories;
  private final Capacity capacity;

  /** The file system of a cluster; the client stays the caller's. */
  public EggsFileSystem(EggsClient client, MountSettings settings) {
    Names names = new Names(client, nodes, settings);
    unfinished = new Unfinished(client, settings, names);
    attributes = new AttributeOperations(client, settings, names, unfinished);
    changes = new NameOperations(client, names, unfinished);
    files = new FileOperations(client, settings, names, handles, unfinished);
    directories = new DirectoryOperations(client, names, handles, unfinished);
    capacity = new Capacity(client, settings.rawCapacity());
  }

  /** Files and directories that the kernel knows at the moment. */
  public int knownNodes() {
    return nodes.size();
  }

  @Override
  public void started(FuseSession session) {
    unfinished.start(session);
  }

  @Override
  public void ended() {
    unfinished.end();
    for (Handles.Handle handle : handles.all()) {
      if (handle instanceof Handles.Reading reading) {
        reading.file().release();
      }
    }
  }

  @Override
  public void lookup(FuseRequest request, long parent, byte[] name) {
    attributes.lookup(request, parent, name);
  }

  @Override
  public void forget(long node, long lookups) {
    nodes.forget(Names.inode(node), lookups);
  }

  @Override
  public void getAttributes(FuseRequest request, long node, long handle) {
    attributes.getAttributes(request, node);
  }

  @Override
  public void setAttributes(FuseRequest request, long node, SetAttributes change) {
    attributes.setAttributes(request, node, change);
  }

  @Override
  public void access(FuseRequest request, long node, int mask) {
    attributes.access(request, node, mask);
  }

  @Override
  public void readlink(FuseRequest request, long node) {
    attributes.readlink(request, node);
  }

  @Override
  public void getExtendedAttribute(FuseRequest request, long node, String name, int size) {
    attributes.getExtendedAttribute(request, node, name, size);
  }

  @Override
  public void listExtendedAttributes(FuseRequest request, long node, int size) {
    attributes.listExtendedAttributes(request, size);
  }

  @Override
  public void changeExtendedAttribute(FuseRequest request, long node) {
    attributes.changeExtendedAttribute(request);
  }

  @Override
  public void symlink(FuseRequest request, long parent, byte[] name, byte[] target) {
    changes.symlink(request, parent, name, target);
  }

  @Override
  public void mknod(FuseRequest request, long parent, byte[] name, int mode) {
    changes.mknod(request, parent, name, mode);
  }

  @Override
  public void mkdir(FuseRequest request, long parent, byte[] name, int mode) {
    changes.mkdir(request, parent, name);
  }

  @Override
  public void unlink(FuseRequest request, long parent, byte[] name) {
    changes.unlink(request, parent, name);
  }

  @Override
  public void rmdir(FuseRequest request, long parent, byte[] name) {
    changes.rmdir(request, parent, name);
  }

  @Override
  public void rename(
      FuseRequest request,
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      int flags) {
    changes.rename(request, oldParent, oldName, newParent, newName, flags);
  }

  @Override
  public void link(FuseRequest request, long node, long newParent, byte[] newName) {
    changes.link(request, node, newParent, newName);
  }

  @Override
  public void create(FuseRequest request, long parent, byte[] name, int flags, int mode) {
    files.create(request, parent, name, flags);
  }

  @Override
  public void tmpfile(FuseRequest request, long parent, int flags, int mode) {
    files.tmpfile(request, parent, flags);
  }

  @Override
  public void open(FuseRequest request, long node, int flags) {
    files.open(request, node, flags);
  }

  @Override
  public void read(FuseRequest request, long node, long handle, long offset, int size) {
    files.read(request, handle, offset, size);
  }

  @Override
  public void write(
      FuseRequest request,
      long node,
      long handle,
      long offset,
      ByteBuffer data,
      boolean fromCache) {
    files.write(request, handle, offset, data, fromCache);
  }

  @Override
  public void flush(FuseRequest request, long node, long handle) {
    files.flush(request, handle);
  }

  @Override
  public void release(FuseRequest request, long node, long handle) {
    files.release(request, handle);
  }

  @Override
  public void fsync(FuseRequest request, long node, long handle) {
    files.fsync(request, handle);
  }

  @Override
  public void fallocate(
      FuseRequest request, long node, long handle, long offset, long length, int mode) {
    files.fallocate(request, handle, mode);
  }

  @Override
  public void lseek(FuseRequest request, long node, long handle, long offset, int whence) {
    files.lseek(request, node, offset, whence);
  }

  @Override
  public void openDirectory(FuseRequest request, long node) {
    directories.openDirectory(request, node);
  }

  @Override
  public void readDirectory(
      FuseRequest request, long node, long handle, long offset, int size, boolean plus) {
    directories.readDirectory(request, node, handle, offset, size, plus);
  }

  @Override
  public void releaseDirectory(FuseRequest request, long node, long handle) {
    directories.releaseDirectory(request, handle);
  }

  @Override
  public void fsyncDirectory(FuseRequest request, long node) {
    // What has been changed in a directory is durable already.
    request.ok();
  }

  @Override
  public void statfs(FuseRequest request) {
    Waiting.later(request, () -> request.figures(capacity.figures()));
  }

  @Override
  public void syncfs(FuseRequest request) {
    request.ok();
  }
}
