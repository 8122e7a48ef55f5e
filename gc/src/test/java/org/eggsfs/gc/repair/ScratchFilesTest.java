package org.eggsfs.gc.repair;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.gc.Counters;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.shard.ScrapTransientFileResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.junit.jupiter.api.Test;

/**
 * Goal: a scratch file is used by one repair at a time, made when it is needed, and given up when
 * it is old, long, uneven or idle; none is forgotten. Method: a shard that only counts.
 */
class ScratchFilesTest {
  private static final long DAY = 86_400_000_000_000L;

  /** Hands out ids and remembers what was scrapped. */
  private static final class Shard implements ShardCaller {
    final List<Long> made = new ArrayList<>();
    final List<Long> scrapped = new ArrayList<>();
    final List<String> notes = new ArrayList<>();

    @Override
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    public <R extends ShardResponse> R shard(int shard, ShardRequest request) {
      if (request instanceof ConstructFileRequest construct) {
        long id = 1000L + made.size();
        made.add(id);
        notes.add(new String(construct.note(), StandardCharsets.UTF_8));
        return (R) new ConstructFileResponse(id, -id);
      }
      ScrapTransientFileRequest scrap = (ScrapTransientFileRequest) request;
      assertEquals(-scrap.id(), scrap.cookie());
      scrapped.add(scrap.id());
      return (R) new ScrapTransientFileResponse();
    }
  }

  private final Shard shard = new Shard();
  private final Counters.Counter counter = new Counters("test").counter("made");

  private ScratchFiles files(long lifetimeNanos) {
    return new ScratchFiles(shard, counter, "a purpose", lifetimeNanos);
  }

  @Test
  void filesAreUsedAgainByOneAtATime() throws Exception {
    try (ScratchFiles files = files(DAY)) {
      ScratchFile one = files.take(3);
      ScratchFile two = files.take(3);
      assertNotSame(one, two);
      one.open();
      two.open();
      assertNotEquals(one.id(), two.id());
      one.appended(8192);
      files.give(one);
      assertNotSame(one, files.take(4));
      ScratchFile again = files.take(3);
      assertSame(one, again);
      again.open();
      assertEquals(8192, again.size());
      assertEquals(2, shard.made.size());
      assertEquals(2, counter.get());
      assertEquals(List.of("a purpose", "a purpose"), shard.notes);
      files.give(again);
      files.give(two);
    }
    assertEquals(2, shard.scrapped.size());
  }

  @Test
  void whatCannotBeAppendedToIsReplaced() throws Exception {
    ScratchFile file = files(DAY).take(3);
    file.open();
    file.appended(5000);
    file.open();
    assertEquals(0, file.size());
    assertEquals(List.of(1000L), shard.scrapped);
    for (int i = 0; i < 1000; i++) {
      file.open();
      file.appended(4096);
    }
    assertEquals(2, shard.made.size());
    file.open();
    assertEquals(List.of(1000L, 1001L), shard.scrapped);
    file.scrap();
    file.scrap();
    assertEquals(shard.made, shard.scrapped);
  }

  @Test
  void anOldOneIsReplaced() throws Exception {
    ScratchFile file = files(1).take(3);
    file.open();
    Thread.sleep(1);
    file.open();
    assertEquals(List.of(1000L), shard.scrapped);
  }

  @Test
  void whatComesBackAfterTheEndIsScrapped() throws Exception {
    ScratchFiles files = files(DAY);
    ScratchFile used = files.take(3);
    used.open();
    ScratchFile idle = files.take(3);
    idle.open();
    files.give(idle);
    files.close();
    assertEquals(List.of(1001L), shard.scrapped);
    files.give(used);
    assertEquals(List.of(1001L, 1000L), shard.scrapped);
  }
}
