package org.eggsfs.run.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.shard.server.ShardHost;
import org.eggsfs.shard.server.ShardHostConfig;

/** A host of the root's shard: files are made, and names that were acknowledged must be found. */
final class ShardSubject extends FreshSubject {
  private static final int FILES = 3;

  private final UdpPeer peer = new UdpPeer();
  private final Map<String, Long> linked = new LinkedHashMap<>();
  private int names;

  ShardSubject() throws IOException {
    super("shard");
  }

  @Override
  void forget() {
    linked.clear();
  }

  @Override
  public void work(Path directory) throws IOException {
    live(directory, false);
  }

  @Override
  public void settle(Path directory) throws IOException {
    live(directory, true);
  }

  private void live(Path directory, boolean mustSucceed) throws IOException {
    AtomicBoolean failed = new AtomicBoolean();
    BitSet shards = new BitSet();
    shards.set(0);
    ShardHostConfig config =
        ShardHostConfig.of(directory, List.of(new InetSocketAddress("127.0.0.1", 1)))
            .withShards(shards);
    try (ShardHost host = ShardHost.start(config, () -> failed.set(true))) {
      Session session = new Session(host.addresses(0).getFirst(), failed);
      for (Map.Entry<String, Long> file : Map.copyOf(linked).entrySet()) {
        session.find(file.getKey(), file.getValue());
      }
      for (int i = 0; i < FILES && !failed.get(); i++) {
        session.makeFile("file" + names++);
      }
      if (failed.get()) {
        session.expectNoWrite();
      }
      assertTrue(!failed.get() || !mustSucceed, "the host failed without a fault");
    }
  }

  private final class Session {
    private final InetSocketAddress address;
    private final AtomicBoolean failed;

    Session(InetSocketAddress address, AtomicBoolean failed) {
      this.address = address;
      this.failed = failed;
    }

    private ByteBuffer ask(int kind, Message body) throws IOException {
      return peer.ask(address, ProtocolConstants.MAGIC_SHARD_REQUEST, kind, body, failed::get);
    }

    void makeFile(String name) throws IOException {
      ByteBuffer made =
          ask(ShardKind.CONSTRUCT_FILE, new ConstructFileRequest(InodeType.FILE, new byte[] {'n'}));
      if (made == null) {
        return;
      }
      assertEquals(ShardKind.CONSTRUCT_FILE, made.get() & 0xff, "construct");
      ConstructFileResponse file = ConstructFileResponse.decode(made);
      ByteBuffer answer =
          ask(
              ShardKind.LINK_FILE,
              new LinkFileRequest(
                  file.id(),
                  file.cookie(),
                  InodeIds.ROOT,
                  name.getBytes(StandardCharsets.US_ASCII)));
      if (answer != null) {
        assertEquals(ShardKind.LINK_FILE, answer.get() & 0xff, "link");
        linked.put(name, file.id());
      }
    }

    /** The disk may be unreadable, but a name that is there is never said to be missing. */
    void find(String name, long id) throws IOException {
      ByteBuffer answer =
          ask(
              ShardKind.LOOKUP,
              new LookupRequest(InodeIds.ROOT, name.getBytes(StandardCharsets.US_ASCII)));
      if (answer == null) {
        return;
      }
      int kind = answer.get() & 0xff;
      if (kind == 0) {
        assertEquals(ErrorCode.INTERNAL_ERROR.code(), answer.getShort(), name + " is lost");
        return;
      }
      assertEquals(id, LookupResponse.decode(answer).targetId(), name);
    }

    /** Nothing is acknowledged after the disk has failed, whether it works again or not. */
    void expectNoWrite() throws IOException {
      assertNull(
          ask(ShardKind.CONSTRUCT_FILE, new ConstructFileRequest(InodeType.FILE, new byte[] {'n'})),
          "a write is answered after the disk has failed");
    }
  }

  @Override
  public void close() {
    peer.close();
  }
}
