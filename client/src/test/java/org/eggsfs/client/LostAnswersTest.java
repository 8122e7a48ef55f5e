package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.FullReadDirCursor;
import org.junit.jupiter.api.Test;

/** What the history of names tells of a rename whose answer was lost. */
final class LostAnswersTest {
  private static final long DIRECTORY = InodeIds.ROOT;
  private static final long FILE = InodeIds.of(InodeIds.FILE, 5, 0);

  private static byte[] bytes(String name) {
    return name.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static Edge live(String name, long time) {
    return new Edge(true, FILE, 0, bytes(name), time);
  }

  private static Edge past(String name, long target, long time) {
    return new Edge(false, target, 0, bytes(name), time);
  }

  /** A shard that knows nothing but the history of two names, newest first. */
  private static ShardResponse rename(List<Edge> ofOld, List<Edge> ofNew) throws Exception {
    Map<String, List<Edge>> histories = Map.of("old", ofOld, "new", ofNew);
    ShardCaller shard =
        new ShardCaller() {
          @Override
          @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
          public <R extends ShardResponse> R shard(int number, ShardRequest request) {
            FullReadDirRequest read = (FullReadDirRequest) request;
            String name = new String(read.startName(), StandardCharsets.ISO_8859_1);
            return (R)
                new FullReadDirResponse(
                    new FullReadDirCursor(false, new byte[0], 0), histories.get(name));
          }
        };
    return new LostAnswers(shard)
        .resolve(
            new SameDirectoryRenameRequest(FILE, DIRECTORY, bytes("old"), 10, bytes("new")),
            new EggsException(ErrorCode.EDGE_NOT_FOUND),
            2);
  }

  private static final List<Edge> GONE_AT_20 =
      List.of(past("old", InodeIds.NULL, 20), past("old", FILE, 10));

  @Test
  void theTimeIsThatOfTheRenameEvenIfTheNewNameHasChangedSince() throws Exception {
    assertEquals(
        new SameDirectoryRenameResponse(20),
        rename(
            GONE_AT_20,
            List.of(live("new", 40), past("new", InodeIds.NULL, 30), past("new", FILE, 20))));
    assertEquals(
        new SameDirectoryRenameResponse(20),
        rename(GONE_AT_20, List.of(past("new", InodeIds.NULL, 30), past("new", FILE, 20))));
    assertEquals(new SameDirectoryRenameResponse(20), rename(GONE_AT_20, List.of(live("new", 20))));
  }

  @Test
  void whatSomebodyElseDidIsNotTakenForIt() throws Exception {
    assertNull(rename(GONE_AT_20, List.of()));
    assertNull(rename(GONE_AT_20, List.of(live("new", 40))));
    assertNull(rename(List.of(live("old", 30), past("old", FILE, 10)), List.of(live("new", 20))));
  }
}
