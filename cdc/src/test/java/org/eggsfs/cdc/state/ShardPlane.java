package org.eggsfs.cdc.state;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.shard.state.ApplyResult;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.shard.state.CrossShardChecker;
import org.eggsfs.shard.state.EntryTimes;
import org.eggsfs.shard.state.Findings;
import org.eggsfs.shard.state.PrepareContext;
import org.eggsfs.shard.state.ReadContext;
import org.eggsfs.shard.state.ShardState;
import org.eggsfs.store.MapView;

/** The real state machines of all shards, over one map. */
final class ShardPlane {
  private static final long DEADLINE = 1_000_000_000_000L;

  final MapView store = new MapView();
  private final Map<Integer, ShardState> states = new HashMap<>();
  private final Map<Integer, Long> indexes = new HashMap<>();
  private final Map<Integer, Long> lastIssued = new HashMap<>();
  long now = 1_700_000_000_000_000_000L;

  ShardPlane() {
    for (int i = 0; i < 256; i++) {
      ShardState.initialize(i, new byte[16], store);
      states.put(i, ShardState.open(store, i, DEADLINE));
    }
  }

  /** What a shard answers; signed as from the CDC or not as from a client. */
  ShardResponse call(int shard, ShardRequest request, boolean signed) throws EggsException {
    ShardState state = states.get(shard);
    if (ShardKind.isReadOnly(request.kind())) {
      return state.read(store, new ReadContext(signed, BlockServices.EMPTY), request);
    }
    now += 1000;
    long time = EntryTimes.next(now, lastIssued.getOrDefault(shard, 0L));
    lastIssued.put(shard, time);
    long index = indexes.merge(shard, 1L, Long::sum);
    ApplyResult result =
        state.apply(
            store,
            store,
            index,
            state.prepare(
                new PrepareContext(store, time, signed, BlockServices.EMPTY, () -> 0.5), request));
    return state.finish(result, BlockServices.EMPTY);
  }

  ShardResponse client(long inode, ShardRequest request) throws EggsException {
    return call(InodeIds.shard(inode), request, false);
  }

  ShardResponse privileged(long inode, ShardRequest request) throws EggsException {
    return call(InodeIds.shard(inode), request, true);
  }

  /** Makes an empty file in a directory; files live on the directory's shard. */
  LookupResponse makeFile(long directory, byte[] name) throws EggsException {
    ConstructFileResponse file =
        (ConstructFileResponse)
            client(directory, new ConstructFileRequest(InodeType.FILE, new byte[0]));
    client(directory, new LinkFileRequest(file.id(), file.cookie(), directory, name));
    return lookup(directory, name);
  }

  LookupResponse lookup(long directory, byte[] name) throws EggsException {
    return (LookupResponse) client(directory, new LookupRequest(directory, name));
  }

  StatDirectoryResponse stat(long directory) throws EggsException {
    return (StatDirectoryResponse) client(directory, new StatDirectoryRequest(directory));
  }

  /** What is wrong between the shards (shard.md section 17, P14 to P16). */
  List<String> check() {
    Findings findings = new Findings();
    CrossShardChecker checker = new CrossShardChecker(findings);
    for (int i = 0; i < 256; i++) {
      checker.add(store, i);
    }
    checker.finish();
    return findings.kept();
  }
}
