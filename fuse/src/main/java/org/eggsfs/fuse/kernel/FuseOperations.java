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
  default void started(FuseSession session) {}

  /** Looks a name up; answered with an entry. */
  default void lookup(FuseRequest request, long parent, byte[] name) {
    request.error(Errno.ENOSYS);
  }

  /** The kernel forgets that many lookups of a node. Not answered. */
  default void forget(long node, long lookups) {}

  /**
   * Attributes.
   *
   * @param handle of an open file, or -1
   */
  default void getAttributes(FuseRequest request, long node, long handle) {
    request.error(Errno.ENOSYS);
  }

  /** Changes attributes; answered with the new ones. */
  default void setAttributes(FuseRequest request, long node, SetAttributes change) {
    request.error(Errno.ENOSYS);
  }

  /** The target of a symbolic link; answered with bytes. */
  default void readlink(FuseRequest request, long node) {
    request.error(Errno.ENOSYS);
  }

  /** Makes a symbolic link; answered with an entry. */
  default void symlink(FuseRequest request, long parent, byte[] name, byte[] target) {
    request.error(Errno.ENOSYS);
  }

  /** Makes a node that is no directory; answered with an entry. */
  default void mknod(FuseRequest request, long parent, byte[] name, int mode) {
    request.error(Errno.ENOSYS);
  }

  /** Makes a directory; answered with an entry. */
  default void mkdir(FuseRequest request, long parent, byte[] name, int mode) {
    request.error(Errno.ENOSYS);
  }

  /** Removes a name that is no directory's. */
  default void unlink(FuseRequest request, long parent, byte[] name) {
    request.error(Errno.ENOSYS);
  }

  /** Removes an empty directory. */
  default void rmdir(FuseRequest request, long parent, byte[] name) {
    request.error(Errno.ENOSYS);
  }

  /**
   * Renames.
   *
   * @param flags of renameat2
   */
  default void rename(
      FuseRequest request,
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      int flags) {
    request.error(Errno.ENOSYS);
  }

  /** Gives a node another name; answered with an entry. */
  default void link(FuseRequest request, long node, long newParent, byte[] newName) {
    request.error(Errno.ENOSYS);
  }

  /** Opens a file; answered with a handle. */
  default void open(FuseRequest request, long node, int flags) {
    request.error(Errno.ENOSYS);
  }

  /** Creates and opens a file; answered with an entry and a handle. */
  default void create(FuseRequest request, long parent, byte[] name, int flags, int mode) {
    request.error(Errno.ENOSYS);
  }

  /** Creates and opens a file without a name; answered with an entry and a handle. */
  default void tmpfile(FuseRequest request, long parent, int flags, int mode) {
    request.error(Errno.ENOSYS);
  }

  /** Reads; answered with {@link FuseRequest#data}. */
  default void read(FuseRequest request, long node, long handle, long offset, int size) {
    request.error(Errno.ENOSYS);
  }

  /**
   * Writes; answered with the number of bytes taken.
   *
   * @param data belongs to the request, until the request is answered
   * @param fromCache whether it is a page of a shared mapping and not a program's write
   */
  default void write(
      FuseRequest request,
      long node,
      long handle,
      long offset,
      ByteBuffer data,
      boolean fromCache) {
    request.error(Errno.ENOSYS);
  }

  /** A descriptor is being closed; the error goes to its close(2). */
  default void flush(FuseRequest request, long node, long handle) {
    request.error(Errno.ENOSYS);
  }

  /** The last reference to a handle is gone. */
  default void release(FuseRequest request, long node, long handle) {
    request.error(Errno.ENOSYS);
  }

  /** Makes what was written durable. */
  default void fsync(FuseRequest request, long node, long handle) {
    request.error(Errno.ENOSYS);
  }

  /** Reserves space. */
  default void fallocate(
      FuseRequest request, long node, long handle, long offset, long length, int mode) {
    request.error(Errno.ENOSYS);
  }

  /**
   * Finds data or a hole; answered with an offset.
   *
   * @param whence SEEK_DATA or SEEK_HOLE
   */
  default void lseek(FuseRequest request, long node, long handle, long offset, int whence) {
    request.error(Errno.ENOSYS);
  }

  /** Opens a directory; answered with a handle. */
  default void openDirectory(FuseRequest request, long node) {
    request.error(Errno.ENOSYS);
  }

  /** Lists; answered with a page from {@link FuseRequest#page}. */
  default void readDirectory(
      FuseRequest request, long node, long handle, long offset, int size, boolean plus) {
    request.error(Errno.ENOSYS);
  }

  /** The last reference to a directory's handle is gone. */
  default void releaseDirectory(FuseRequest request, long node, long handle) {
    request.error(Errno.ENOSYS);
  }

  /** Makes changes of a directory durable. */
  default void fsyncDirectory(FuseRequest request, long node) {
    request.error(Errno.ENOSYS);
  }

  /** Figures of the whole. */
  default void statfs(FuseRequest request) {
    request.error(Errno.ENOSYS);
  }

  /** Makes everything durable. */
  default void syncfs(FuseRequest request) {
    request.error(Errno.ENOSYS);
  }

  /** Whether the caller may; mask of R 4, W 2, X 1. Not asked where the kernel checks itself. */
  default void access(FuseRequest request, long node, int mask) {
    request.error(Errno.ENOSYS);
  }

  /** An extended attribute; answered with {@link FuseRequest#attributeValue}. */
  default void getExtendedAttribute(FuseRequest request, long node, String name, int size) {
    request.error(Errno.ENOSYS);
  }

  /** Names of the extended attributes; answered with {@link FuseRequest#attributeValue}. */
  default void listExtendedAttributes(FuseRequest request, long node, int size) {
    request.error(Errno.ENOSYS);
  }

  /** Sets or, without a value, removes an extended attribute. */
  default void changeExtendedAttribute(FuseRequest request, long node) {
    request.error(Errno.ENOSYS);
  }

  /** The file system is unmounted; nothing will be asked any more. */
  default void ended() {}
}
