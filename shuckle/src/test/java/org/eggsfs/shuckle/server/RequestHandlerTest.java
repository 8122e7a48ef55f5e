package org.eggsfs.shuckle.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.List;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.TcpFrameServer;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.AllShardsRequest;
import org.eggsfs.protocol.shuckle.LocalChangedBlockServicesRequest;
import org.eggsfs.protocol.shuckle.LocalShardsRequest;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.shuckle.state.Rules;
import org.eggsfs.shuckle.state.ShuckleState;
import org.eggsfs.shuckle.state.TestRows;
import org.eggsfs.store.MemoryStore;
import org.junit.jupiter.api.Test;

/** Goal: long answers cost the memory that was reckoned with, and the longest one is shared. */
class RequestHandlerTest {
  private final MemoryStore store = new MemoryStore();
  private final StateKeeper keeper =
      new StateKeeper(
          store,
          new ManualClock(1_000),
          () -> {},
          (changes, afterDurable) -> {
            store.write(changes, true);
            afterDurable.run();
          });
  private final RequestHandler handler =
      new RequestHandler(
          keeper, new Rules(1, 1, 3, false, false), new ShuckleState.Self(0, Addresses.NONE));

  private static ByteBuffer encoded(ShuckleRequest request) {
    ByteBuffer bytes = Frames.buffer(1 + request.encodedSize()).put((byte) request.kind());
    request.encode(bytes);
    return bytes.flip();
  }

  private TcpFrameServer.Reply ask(ShuckleRequest request) throws Exception {
    return handler.handle(encoded(request)).get();
  }

  private void register(int count) throws Exception {
    for (int id = 1; id <= count; id++) {
      ask(
          new RegisterBlockServicesRequest(
              List.of(TestRows.registration(id, 0, "d" + id, StorageClass.HDD, 1))));
    }
  }

  private static AllBlockServicesDeprecatedResponse decoded(byte[] frame) {
    ByteBuffer body = Frames.buffer(frame.length).put(frame).flip();
    body.position(Frames.SHUCKLE_HEADER_SIZE + 1);
    AllBlockServicesDeprecatedResponse response = AllBlockServicesDeprecatedResponse.decode(body);
    Frames.requireEnd(body);
    return response;
  }

  @Test
  void allWhoAskBetweenTwoChangesShareOneAnswer() throws Exception {
    register(2);
    byte[] first = ask(new AllBlockServicesDeprecatedRequest()).shared().orElseThrow();
    assertSame(first, ask(new AllBlockServicesDeprecatedRequest()).shared().orElseThrow());
    ask(new SetBlockServiceFlagsRequest(2, 4, 4));
    byte[] second = ask(new AllBlockServicesDeprecatedRequest()).shared().orElseThrow();
    assertNotSame(first, second);
    assertEquals(0, decoded(first).blockServices().getLast().flags());
    assertEquals(4, decoded(second).blockServices().getLast().flags());
  }

  @Test
  void whatIsReckonedForAnAnswerIsNotLessThanItsBytes() throws Exception {
    List<ShuckleRequest> questions =
        List.of(
            new AllBlockServicesDeprecatedRequest(),
            new LocalChangedBlockServicesRequest(0),
            new AllShardsRequest(),
            new LocalShardsRequest());
    for (int count : new int[] {0, 500}) {
      register(count);
      for (ShuckleRequest question : questions) {
        assertTrue(
            handler.memory(encoded(question)) >= ask(question).size(), question + ", " + count);
      }
    }
    // A row is written again: nothing is counted twice.
    long before = handler.memory(encoded(new AllBlockServicesDeprecatedRequest()));
    register(500);
    assertEquals(before, handler.memory(encoded(new AllBlockServicesDeprecatedRequest())));
  }
}
