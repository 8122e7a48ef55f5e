package org.eggsfs.shard.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.MapView;
import org.eggsfs.store.Overlay;
import org.eggsfs.store.View;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: no request walks out of the directory, file or table that it is about, where any number of
 * removed rows of others may lie. Method: random entries and all listings, once over a map, once
 * over a view that has nothing but bounded cursors, partly below changes that are not durable.
 */
class BoundedScansTest {
  private static final int REQUESTS = 600;

  /** A view whose cursors end where their prefix does. */
  private record Bounded(MapView all) implements View {
    @Override
    public byte[] get(byte[] key) {
      return all.get(key);
    }

    @Override
    public Cursor cursor() {
      throw new AssertionError("a cursor without bounds");
    }

    @Override
    public Cursor cursor(byte[] prefix) {
      MapView inside = new MapView();
      all.map()
          .tailMap(prefix, true)
          .forEach(
              (key, value) -> {
                if (Bytes.hasPrefix(key, prefix, prefix.length)) {
                  inside.put(key, value);
                }
              });
      return inside.cursor();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {31, 32, 33})
  void scansStayWithinTheirBounds(long seed) throws EggsException {
    Harness shard = new Harness(0, seed);
    RandomRequests requests = new RandomRequests(shard, new Random(seed));
    for (int i = 1; i <= 4; i++) {
      shard.makeDirectory(i);
    }
    for (int i = 0; i < REQUESTS; i++) {
      try {
        requests.saw(shard.signed(requests.next()));
      } catch (EggsException e) {
        // Its entry, if it got that far, is in the log as well.
      }
    }
    MapView durable = new MapView();
    ShardState.initialize(shard.shard, Harness.SECRET, durable);
    ShardState state = ShardState.open(durable, shard.shard, Harness.INTERVAL);
    Bounded bounded = new Bounded(durable);
    Overlay overlay = new Overlay(bounded);
    int half = shard.log.size() / 2;
    for (int i = 0; i < shard.log.size(); i++) {
      LogEntry entry = LogEntry.decode(shard.log.get(i));
      if (i < half) {
        state.apply(bounded, durable, i + 1L, entry);
      } else {
        state.apply(overlay, overlay, i + 1L, entry);
      }
    }
    assertTrue(overlay.pendingCount() > 20);
    ReadContext context = new ReadContext(false, shard.services);
    for (ShardRequest listing : listings(shard)) {
      assertEquals(shard.read(listing), state.read(overlay, context, listing), listing::toString);
    }
  }

  private static List<ShardRequest> listings(Harness shard) throws EggsException {
    List<ShardRequest> all = new ArrayList<>();
    all.add(new VisitDirectoriesRequest(0, 0));
    all.add(new VisitFilesRequest(0, 0));
    all.add(new VisitTransientFilesRequest(0, 0));
    for (long id : ((VisitFilesResponse) shard.read(new VisitFilesRequest(0, 0))).ids()) {
      if (InodeIds.isFile(id)) {
        all.add(new FileSpansRequest(id, 0, 0, 0));
      }
    }
    for (int i = 1; i <= Harness.SERVICES_PER_CLASS; i++) {
      all.add(new BlockServiceFilesRequest(i, 0));
    }
    List<Long> directories = new ArrayList<>(List.of(InodeIds.ROOT));
    for (int i = 1; i <= 4; i++) {
      if (DirectoriesTable.get(shard.store, shard.shard, shard.directory(i)) != null) {
        directories.add(shard.directory(i));
      }
    }
    for (long directory : directories) {
      DirectoriesTable.Row row = DirectoriesTable.get(shard.store, shard.shard, directory);
      if (directory == InodeIds.ROOT || row.owner() != InodeIds.NULL) {
        all.add(new ReadDirRequest(directory, 0, 0));
      }
      for (int flags = 0; flags < 8; flags++) {
        all.add(new FullReadDirRequest(directory, flags, Harness.bytes("b"), 0, 0, 0));
        all.add(new FullReadDirRequest(directory, flags, Harness.bytes(""), 0, 0, 0));
      }
    }
    return all;
  }
}
