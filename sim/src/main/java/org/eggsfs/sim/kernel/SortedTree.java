package org.eggsfs.sim.kernel;

import java.util.Arrays;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.KeyValueStore;

/**
 * An immutable ordered map of byte strings: a treap whose nodes are shared between versions, so
 * that a snapshot costs nothing and a crash is the return to an older root. The priority of a node
 * is a hash of its key, which makes its shape depend on its content alone.
 */
public final class SortedTree implements KeyValueStore.Snapshot {
  /** Nothing. */
  public static final SortedTree EMPTY = new SortedTree(null);

  /** No record: two nodes are the same only if they are one. */
  private static final class Node {
    private final byte[] key;
    private final byte[] value;
    private final int priority;
    private final Node left;
    private final Node right;

    Node(byte[] key, byte[] value, int priority, Node left, Node right) {
      this.key = key;
      this.value = value;
      this.priority = priority;
      this.left = left;
      this.right = right;
    }

    Node with(Node newLeft, Node newRight) {
      return new Node(key, value, priority, newLeft, newRight);
    }
  }

  private final Node root;

  private SortedTree(Node root) {
    this.root = root;
  }

  /** This map with one key changed; a null value removes it. */
  public SortedTree with(byte[] key, byte[] value) {
    return new SortedTree(
        value == null
            ? remove(root, key)
            : put(root, new Node(key, value, priority(key), null, null)));
  }

  private static int priority(byte[] key) {
    int h = Arrays.hashCode(key) * 0x9E3779B1;
    h ^= h >>> 15;
    return h * 0x85EBCA77;
  }

  private static Node put(Node at, Node fresh) {
    if (at == null) {
      return fresh;
    }
    int order = Arrays.compareUnsigned(fresh.key, at.key);
    if (order == 0) {
      return new Node(at.key, fresh.value, at.priority, at.left, at.right);
    }
    if (order < 0) {
      Node left = put(at.left, fresh);
      return left.priority > at.priority
          ? left.with(left.left, at.with(left.right, at.right))
          : at.with(left, at.right);
    }
    Node right = put(at.right, fresh);
    return right.priority > at.priority
        ? right.with(at.with(at.left, right.left), right.right)
        : at.with(at.left, right);
  }

  private static Node remove(Node at, byte[] key) {
    if (at == null) {
      return null;
    }
    int order = Arrays.compareUnsigned(key, at.key);
    if (order == 0) {
      return merge(at.left, at.right);
    }
    if (order < 0) {
      Node left = remove(at.left, key);
      return left == at.left ? at : at.with(left, at.right);
    }
    Node right = remove(at.right, key);
    return right == at.right ? at : at.with(at.left, right);
  }

  private static Node merge(Node left, Node right) {
    if (left == null) {
      return right;
    }
    if (right == null) {
      return left;
    }
    return left.priority > right.priority
        ? left.with(left.left, merge(left.right, right))
        : right.with(merge(left, right.left), right.right);
  }

  @Override
  public byte[] get(byte[] key) {
    Node at = root;
    while (at != null) {
      int order = Arrays.compareUnsigned(key, at.key);
      if (order == 0) {
        return at.value;
      }
      at = order < 0 ? at.left : at.right;
    }
    return null;
  }

  /** The first node at or behind a key, or strictly behind it. */
  private Node ceiling(byte[] key, boolean strictly) {
    Node best = null;
    Node at = root;
    while (at != null) {
      int order = Arrays.compareUnsigned(at.key, key);
      if (order > 0 || (order == 0 && !strictly)) {
        best = at;
        at = at.left;
      } else {
        at = at.right;
      }
    }
    return best;
  }

  /** The last node at or before a key, or strictly before it. */
  private Node floor(byte[] key, boolean strictly) {
    Node best = null;
    Node at = root;
    while (at != null) {
      int order = Arrays.compareUnsigned(at.key, key);
      if (order < 0 || (order == 0 && !strictly)) {
        best = at;
        at = at.right;
      } else {
        at = at.left;
      }
    }
    return best;
  }

  @Override
  public Cursor cursor() {
    return new TreeCursor();
  }

  @Override
  public void close() {
    // Nothing is held but memory.
  }

  private final class TreeCursor implements Cursor {
    private Node at;

    @Override
    public void seek(byte[] key) {
      at = ceiling(key, false);
    }

    @Override
    public void seekForPrev(byte[] key) {
      at = floor(key, false);
    }

    @Override
    public void next() {
      at = ceiling(at.key, true);
    }

    @Override
    public void prev() {
      at = floor(at.key, true);
    }

    @Override
    public boolean isValid() {
      return at != null;
    }

    @Override
    public byte[] key() {
      return at.key;
    }

    @Override
    public byte[] value() {
      return at.value;
    }

    @Override
    public void close() {
      at = null;
    }
  }
}
