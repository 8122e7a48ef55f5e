package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.store.WriteTarget;

/** The first state of a shard (shard.md section 4.12). */
final class Initialization {
  private Initialization() {}

  static void run(int shard, byte[] secret, WriteTarget target) {
    MetaTable.putInfo(target, shard, secret);
    MetaTable.putApplied(target, shard, new ShardState.Applied(0, 0));
    MetaTable.putLastInode(target, shard, InodeIds.FILE, InodeIds.of(InodeIds.FILE, 0, shard));
    MetaTable.putLastInode(
        target, shard, InodeIds.SYMLINK, InodeIds.of(InodeIds.SYMLINK, 0, shard));
    MetaTable.putLastBlock(target, shard, shard);
    if (shard == InodeIds.shard(InodeIds.ROOT)) {
      DirectoriesTable.put(
          target,
          shard,
          new DirectoriesTable.Row(InodeIds.ROOT, InodeIds.NULL, 0, Policies.defaults()));
    }
  }
}
