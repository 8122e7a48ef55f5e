package org.eggsfs.sim.oracle;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.eggsfs.cdc.state.CdcState;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.FullReadDirCursor;
import org.eggsfs.shard.state.BlockReferences;
import org.eggsfs.shard.state.CrossShardChecker;
import org.eggsfs.shard.state.Findings;
import org.eggsfs.shard.state.ReadContext;
import org.eggsfs.shard.state.ShardChecker;
import org.eggsfs.shard.state.ShardState;
import org.eggsfs.sim.client.Knowledge;
import org.eggsfs.sim.oracle.Linearizability.State;
import org.eggsfs.sim.world.World;
import org.eggsfs.store.View;

/**
 * The judge, called when nothing is under way: looks at what is on the disks of shards and CDC, and
 * compares it with what clients were told.
 */
public final class Audit {
  private final World world;
  private final Knowledge knowledge;
  private final History history;
  private final Contents contents;
  private final Map<Integer, Long> checkedAt = new HashMap<>();
  private final Set<Long> checkedFiles = new HashSet<>();

  /** Of each shard, the blocks of its files, by id: the service, and whether the file is linked. */
  private final Map<Integer, Map<Long, Reference>> references = new HashMap<>();

  /** A judge of a world. */
  public Audit(World world, Knowledge knowledge, History history, Contents contents) {
    this.world = world;
    this.knowledge = knowledge;
    this.history = history;
    this.contents = contents;
  }

  private record NameEdges(List<Edge> edges) {}

  private record Reference(long service, boolean linked) {}

  /**
   * Looks at everything; ends the run if something is wrong.
   *
   * @return what every name leads to
   */
  public Map<Name, State> run() {
    checkTables();
    Map<Name, NameEdges> names = readNames();
    Map<Name, State> found = currentEdges(names);
    require("linearizability", history.close(found));
    names.forEach(this::checkEffects);
    checkFiles(names);
    checkBlocks();
    checkCdc();
    return found;
  }

  private void require(String oracle, List<String> problems) {
    if (!problems.isEmpty()) {
      world.fail(oracle, String.join("\n", problems));
    }
  }

  private void checkTables() {
    Findings findings = new Findings();
    CrossShardChecker cross = new CrossShardChecker(findings);
    for (int shard = 0; shard < World.SHARDS; shard++) {
      View view = world.shardView(shard);
      long index = state(shard).applied(view).index();
      if (checkedAt.getOrDefault(shard, -1L) != index) {
        ShardChecker.check(view, shard, world.blockServices(shard), findings);
        checkedAt.put(shard, index);
        references.put(shard, referencesOf(view, shard));
      }
      cross.add(view, shard);
    }
    cross.finish();
    require("invariants", findings.kept());
  }

  private static Map<Long, Reference> referencesOf(View view, int shard) {
    Map<Long, Reference> found = new HashMap<>();
    BlockReferences.forEach(
        view,
        shard,
        (service, block, size, linked) -> found.put(block, new Reference(service, linked)));
    return found;
  }

  /**
   * The blocks of linked files are on their disks, and nothing is on a disk that no file has (P17).
   * What a transient file has may be not yet written, or erased already.
   */
  private void checkBlocks() {
    references.forEach(
        (shard, blocks) ->
            blocks.forEach(
                (block, reference) -> {
                  if (reference.linked && world.blockCrc(reference.service, block) == null) {
                    world.fail("blocks", "block " + block + " of a file is on no disk");
                  }
                }));
    world.forEachBlock(
        (service, block) -> {
          int shard = (int) (block & (World.SHARDS - 1));
          Reference reference = references.getOrDefault(shard, Map.of()).get(block);
          if (reference == null || reference.service != service) {
            world.fail("blocks", "block " + block + " is on a disk, but no file has it");
          }
        });
  }

  private ShardState state(int shard) {
    return ShardState.open(world.shardView(shard), shard, World.DEADLINE_NANOS);
  }

  private <R extends ShardResponse> R read(int shard, ShardRequest request, Class<R> type) {
    try {
      return type.cast(
          state(shard)
              .read(
                  world.shardView(shard),
                  new ReadContext(false, world.blockServices(shard)),
                  request));
    } catch (EggsException e) {
      throw new IllegalStateException("an auditor was refused " + request, e);
    }
  }

  private List<Long> directories() {
    List<Long> all = new ArrayList<>();
    for (int shard = 0; shard < World.SHARDS; shard++) {
      long next = 0;
      do {
        VisitDirectoriesResponse page =
            read(shard, new VisitDirectoriesRequest(next, 0), VisitDirectoriesResponse.class);
        for (long id : page.ids()) {
          all.add(id);
        }
        next = page.nextId();
      } while (next != 0);
    }
    return all;
  }

  private Map<Name, NameEdges> readNames() {
    Map<Name, NameEdges> names = new TreeMap<>(History.NAMES);
    for (long directory : directories()) {
      FullReadDirCursor next = new FullReadDirCursor(false, new byte[0], 0);
      do {
        FullReadDirResponse page =
            read(
                InodeIds.shard(directory),
                new FullReadDirRequest(
                    directory,
                    next.current() ? FullReadDirFlags.CURRENT : 0,
                    next.startName(),
                    next.startTime(),
                    0,
                    0),
                FullReadDirResponse.class);
        for (Edge edge : page.results()) {
          Name name = new Name(directory, new String(edge.name(), StandardCharsets.US_ASCII));
          names.computeIfAbsent(name, n -> new NameEdges(new ArrayList<>())).edges.add(edge);
        }
        next = page.next();
      } while (next.startName().length > 0);
    }
    return names;
  }

  private static Map<Name, State> currentEdges(Map<Name, NameEdges> names) {
    Map<Name, State> found = new TreeMap<>(History.NAMES);
    names.forEach(
        (name, at) -> {
          Edge last = at.edges.getLast();
          if (last.current()) {
            found.put(name, new State(last.targetId(), last.creationTime()));
          }
        });
    return found;
  }

  /** Every edge was made by somebody, and every edge that somebody was told of is there. */
  private void checkEffects(Name name, NameEdges at) {
    List<Call> puts = history.puts(name);
    for (Edge edge : at.edges) {
      long target = InodeIds.withoutExtra(edge.targetId());
      if (target != InodeIds.NULL
          && puts.stream().noneMatch(put -> explains(put, target, edge.creationTime()))) {
        world.fail("effects", "nobody has made the edge of " + name + ": " + edge);
      }
    }
    for (Call put : puts) {
      if (put.isOptional() || put.time() == 0 || knowledge.isCollected(name, put.time())) {
        continue;
      }
      boolean there =
          at.edges.stream()
              .anyMatch(
                  edge ->
                      edge.creationTime() == put.time()
                          && InodeIds.withoutExtra(edge.targetId()) == put.target());
      if (!there) {
        world.fail("effects", "the edge of " + name + " is gone that was answered by " + put);
      }
    }
  }

  private static boolean explains(Call put, long target, long time) {
    boolean sameTarget =
        put.target() == target
            || (put.target() == Call.ANY_DIRECTORY && InodeIds.isDirectory(target));
    return sameTarget && (put.time() == 0 || put.time() == time);
  }

  private void checkFiles(Map<Name, NameEdges> names) {
    names.forEach(
        (name, at) -> {
          Edge last = at.edges.getLast();
          if (last.current() && isUnchecked(last.targetId())) {
            checkFile(name, last.targetId());
          }
        });
  }

  /** Files do not change, except that their blocks move. */
  private boolean isUnchecked(long target) {
    boolean moved = contents.takeMoved(target);
    return !InodeIds.isDirectory(target) && (checkedFiles.add(target) || moved);
  }

  private void checkFile(Name name, long file) {
    List<LocalFileSpansResponse> pages = new ArrayList<>();
    long offset = 0;
    do {
      LocalFileSpansResponse page =
          read(
              InodeIds.shard(file),
              new LocalFileSpansRequest(file, offset, 0, 0),
              LocalFileSpansResponse.class);
      pages.add(page);
      offset = page.nextOffset();
    } while (offset != 0);
    String problem = contents.compare(file, pages, world::blockCrc);
    if (problem != null) {
      world.fail("contents", problem + ", of " + InodeIds.format(file) + " at " + name);
    }
  }

  private void checkCdc() {
    View view = world.cdcView();
    CdcState state = CdcState.open(view);
    if (state.transactionCount() != 0 || state.lockCount() != 0) {
      world.fail("cdc", "unfinished at rest: " + state.unfinished());
    }
    Map<Long, Long> parents = new TreeMap<>();
    CdcState.forEachParent(view, parents::put);
    Map<Long, Long> owners = new TreeMap<>();
    for (long directory : directories()) {
      StatDirectoryResponse stat =
          read(
              InodeIds.shard(directory),
              new StatDirectoryRequest(directory),
              StatDirectoryResponse.class);
      if (directory != InodeIds.ROOT && stat.owner() != InodeIds.NULL) {
        owners.put(directory, stat.owner());
      }
    }
    if (!owners.equals(parents)) {
      world.fail("cdc", "the parent map " + parents + " is not what shards say: " + owners);
    }
  }
}
