package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.Stat;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;

/**
 * What a listing shows of one inode.
 *
 * @param stat its attributes; null when it vanished meanwhile
 * @param target of a symlink as part of a path; null for others
 */
record Attributes(Stat stat, String target) {
  /** Asks for the attributes; an inode that is gone is no error, it was just deleted. */
  static Attributes read(EggsClient client, long id) throws EggsException, IOException {
    try {
      Stat stat = client.inodes().stat(id);
      return new Attributes(
          stat, InodeIds.isSymlink(id) ? EggsPath.text(client.files().readlink(id)) : null);
    } catch (EggsException e) {
      if (Failures.isNotFound(e)) {
        return new Attributes(null, null);
      }
      throw e;
    }
  }

  static String typeName(long id) {
    return switch (InodeIds.type(id)) {
      case InodeIds.DIRECTORY -> "directory";
      case InodeIds.FILE -> "file";
      case InodeIds.SYMLINK -> "symlink";
      default -> "unknown";
    };
  }

  static String typeLetter(long id) {
    return switch (InodeIds.type(id)) {
      case InodeIds.DIRECTORY -> "d";
      case InodeIds.FILE -> "-";
      case InodeIds.SYMLINK -> "l";
      default -> "?";
    };
  }

  static void putIds(ObjectNode json, long id, long creationTime) {
    json.put("id", InodeIds.format(id)).put("type", typeName(id));
    if (creationTime != 0) {
      json.put("created", MessageJson.timeText(creationTime));
    }
  }

  void put(ObjectNode json) {
    if (stat != null) {
      json.put("size", stat.size()).put("mtime", MessageJson.timeText(stat.mtime()));
      json.put("atime", MessageJson.timeText(stat.atime()));
    }
    if (target != null) {
      EggsPath.put(json, "target", target);
    }
  }
}
