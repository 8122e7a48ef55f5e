package org.eggsfs.run.fuzz;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.run.fuzz.MessageSeeds.Seed;
import org.junit.jupiter.api.Test;

/**
 * Goal: a client of a shuckle that answers nonsense gets an error, or an answer of the kind it
 * asked for. Method: a server whose answers are damaged ones of every kind.
 */
class HostileServerTest {
  private static final int ROUNDS = 2;
  private static final Duration PATIENCE = Duration.ofMillis(150);
  private static final int REQUEST_MAX = 1 << 20;

  private final SplittableRandom random = new SplittableRandom(Fuzzing.SEED);
  private final MessageMutator mutator = new MessageMutator(random);
  private volatile byte[] answer = {};

  @Test
  void shuckleClient() throws IOException, ReflectiveOperationException {
    List<Seed> seeds = MessageSeeds.load();
    List<Seed> requests = of(seeds, true);
    List<Seed> responses = of(seeds, false);
    int answers = 0;
    int errors = 0;
    try (ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread.ofPlatform().daemon().start(() -> serve(listener));
      long end = Fuzzing.end();
      for (int round = 0; round < ROUNDS || System.nanoTime() < end; round++) {
        for (Seed request : requests) {
          List<Seed> fitting =
              responses.stream().filter(each -> each.kind() == request.kind()).toList();
          List<Seed> from = fitting.isEmpty() || random.nextInt(5) == 0 ? responses : fitting;
          answer = answer(from.get(random.nextInt(from.size())), responses);
          // A client that has given up a connection makes a new one.
          try (ShuckleClient client =
              new ShuckleClient(
                  List.of((InetSocketAddress) listener.getLocalSocketAddress()),
                  PATIENCE,
                  PATIENCE)) {
            ShuckleResponse response =
                client.call((ShuckleRequest) MessageSeeds.decode(request.type(), request.bytes()));
            assertTrue(response.kind() == request.kind(), "an answer of another kind");
            answers++;
          } catch (EggsException | IOException e) {
            assertNotNull(e.getMessage());
            errors++;
          } catch (MalformedMessageException e) {
            throw new AssertionError("a malformed answer is no fault of the caller's", e);
          }
        }
      }
    }
    assertTrue(answers > 0 && errors > 0, answers + " answers, " + errors + " errors");
  }

  private static List<Seed> of(List<Seed> seeds, boolean isRequest) {
    return seeds.stream()
        .filter(seed -> seed.service().equals("shuckle") && seed.isRequest() == isRequest)
        .toList();
  }

  private byte[] answer(Seed seed, List<Seed> others) {
    byte[] body =
        random.nextInt(4) == 0
            ? seed.bytes()
            : mutator.mutate(seed.bytes(), others.get(random.nextInt(others.size())).bytes());
    ByteBuffer frame = Frames.buffer(9 + body.length);
    frame.putInt(ProtocolConstants.MAGIC_SHUCKLE_RESPONSE).putInt(1 + body.length);
    frame.put((byte) seed.kind()).put(body);
    return random.nextInt(6) == 0 ? mutator.mutate(frame.array(), body) : frame.array();
  }

  private void serve(ServerSocket listener) {
    while (true) {
      try (Socket socket = listener.accept()) {
        byte[] request = new byte[REQUEST_MAX];
        OutputStream out = socket.getOutputStream();
        if (socket.getInputStream().read(request) > 0) {
          out.write(answer);
          out.flush();
        }
      } catch (SocketException e) {
        if (listener.isClosed()) {
          return;
        }
      } catch (IOException e) {
        return;
      }
    }
  }
}
