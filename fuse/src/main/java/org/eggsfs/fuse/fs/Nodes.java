package org.eggsfs.fuse.fs;

import java.util.concurrent.ConcurrentHashMap;
import org.eggsfs.core.InodeIds;

/**
 * The inodes that the kernel knows, by id. As many as it keeps in its own caches; a FORGET takes
 * them out. The root stays.
 */
final class Nodes {
  private final ConcurrentHashMap<Long, Node> nodes = new ConcurrentHashMap<>();

  Nodes() {
    Node root = new Node(InodeIds.ROOT);
    root.foundAt(InodeIds.ROOT, null);
    root.lookups = 1;
    nodes.put(InodeIds.ROOT, root);
  }

  /** The node, or null if the kernel does not know it. */
  Node get(long id) {
    return nodes.get(id);
  }

  /** The node; a passing one if the kernel has forgotten it meanwhile. */
  Node getOrNew(long id) {
    Node node = nodes.get(id);
    return node == null ? new Node(id) : node;
  }

  /** Counts a lookup that the kernel is about to be told of. */
  Node lookedUp(long id, long directory, byte[] name) {
    Node node =
        nodes.compute(
            id,
            (key, present) -> {
              Node known = present == null ? new Node(key) : present;
              known.lookups++;
              return known;
            });
    if (name != null) {
      node.foundAt(directory, name);
    }
    return node;
  }

  /** Takes lookups back. */
  void forget(long id, long lookups) {
    if (id == InodeIds.ROOT) {
      return;
    }
    nodes.computeIfPresent(
        id,
        (key, node) -> {
          node.lookups -= lookups;
          return node.lookups <= 0 ? null : node;
        });
  }

  int size() {
    return nodes.size();
  }
}
