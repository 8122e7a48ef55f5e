package org.eggsfs.fuse.kernel;

import java.nio.ByteBuffer;

/**
 * A file system. Each method gets a request and its fields and must see to it that the request is
 * answered exactly once, now or later, on this thread or another. The methods are called on the
 * session's few reader threads, so they must not wait: what has to wait is handed over. An
 * exception answers with EIO.
 *
 * <p>Nodes are the file system's numbers, {@link Abi#ROOT_NODE} for the root. Names are bytes of
 * any kind but zero and slash and may be longer than the file system allows.
 */
public interface FuseOperations {
  /** The connection is ready. */
  void started(FuseSession session);

  /** Looks a name up; answered with an entry. */
  void lookup(FuseRequest request, long parent, byte[] name);

  /** The kernel forgets that many lookups of a node. Not answered. */
  void forget(long node, long lookups);

  /**
   * Attributes.
   *
   * @param handle of an open file, or -1
   */
  void getAttributes(FuseRequest request, long node, long handle);

  /** Changes attributes; answered with the new ones. */
  void setAttributes(FuseRequest request, long node, SetAttributes change);

  /** The target of a symbolic link; answered with bytes. */
  void readlink(FuseRequest request, long node);

  /** Makes a symbolic link; answered with an entry. */
  void symlink(FuseRequest request, long parent, byte[] name, byte[] target);

  /** Makes a node that is no directory; answered with an entry. */
  void mknod(FuseRequest request, long parent, byte[] name, int mode);

  /** Makes a directory; answered with an entry. */
  void mkdir(FuseRequest request, long parent, byte[] name, int mode);

  /** Removes a name that is no directory's. */
  void unlink(FuseRequest request, long parent, byte[] name);

  /** Removes an empty directory. */
  void rmdir(FuseRequest request, long parent, byte[] name);

  /**
   * Renames.
   *
   * @param flags of renameat2
   */
  void rename(
      FuseRequest request,
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      int flags);

  /** Gives a node another name; answered with an entry. */
  void link(FuseRequest request, long node, long newParent, byte[] newName);

  /** Opens a file; answered with a handle. */
  void open(FuseRequest request, long node, int flags);

  /** Creates and opens a file; answered with an entry and a handle. */
  void create(FuseRequest request, long parent, byte[] name, int flags, int mode);

  /** Creates and opens a file without a name; answered with an entry and a handle. */
  void tmpfile(FuseRequest request, long parent, int flags, int mode);

  /** Reads; answered with {@link FuseRequest#data}. */
  void read(FuseRequest request, long node, long handle, long offset, int size);

  /**
   * Writes; answered with the number of bytes taken.
   *
   * @param data belongs to the request, until the request is answered
   * @param fromCache whether it is a page of a shared mapping and not a program's write
   */
  void write(
      FuseRequest request, long node, long handle, long offset, ByteBuffer data, boolean fromCache);

  /** A descriptor is being closed; the error goes to its close(2). */
  void flush(FuseRequest request, long node, long handle);

  /** The last reference to a handle is gone. */
  void release(FuseRequest request, long node, long handle);

  /** Makes what was written durable. */
  void fsync(FuseRequest request, long node, long handle);

  /** Reserves space. */
  void fallocate(FuseRequest request, long node, long handle, long offset, long length, int mode);

  /**
   * Finds data or a hole; answered with an offset.
   *
   * @param whence SEEK_DATA or SEEK_HOLE
   */
  void lseek(FuseRequest request, long node, long handle, long offset, int whence);

  /** Opens a directory; answered with a handle. */
  void openDirectory(FuseRequest request, long node);

  /** Lists; answered with a page from {@link FuseRequest#page}. */
  void readDirectory(
      FuseRequest request, long node, long handle, long offset, int size, boolean plus);

  /** The last reference to a directory's handle is gone. */
  void releaseDirectory(FuseRequest request, long node, long handle);

  /** Makes changes of a directory durable. */
  void fsyncDirectory(FuseRequest request, long node);

  /** Figures of the whole. */
  void statfs(FuseRequest request);

  /** Makes everything durable. */
  void syncfs(FuseRequest request);

  /** Whether the caller may; mask of R 4, W 2, X 1. Not asked where the kernel checks itself. */
  void access(FuseRequest request, long node, int mask);

  /** An extended attribute; answered with {@link FuseRequest#attributeValue}. */
  void getExtendedAttribute(FuseRequest request, long node, String name, int size);

  /** Names of the extended attributes; answered with {@link FuseRequest#attributeValue}. */
  void listExtendedAttributes(FuseRequest request, long node, int size);

  /** Sets or, without a value, removes an extended attribute. */
  void changeExtendedAttribute(FuseRequest request, long node);

  /** The file system is unmounted; nothing will be asked any more. */
  void ended();
}
