package org.eggsfs.run.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.cdc.server.CdcConfig;
import org.eggsfs.cdc.server.CdcServer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcKind;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.shard.server.ShardHost;
import org.eggsfs.shard.server.ShardHostConfig;
import org.eggsfs.shuckle.server.ShuckleConfig;
import org.eggsfs.shuckle.server.ShuckleServer;

/**
 * A CDC, whose files fail, between a shuckle and shards, whose files do not. It keeps its directory
 * from life to life, as the shards keep theirs: what it did must agree with them to the end.
 */
final class CdcSubject implements Subject {
  private static final int DIRECTORIES = 3;
  private static final long SECOND = 1_000_000_000L;
  private static final long READY_NANOS = 120 * SECOND;

  private final ShuckleServer shuckle;
  private final ShardHost shards;
  private final UdpPeer peer = new UdpPeer();

  /** Acknowledged directories below the root. */
  private final Map<String, Long> made = new LinkedHashMap<>();

  /** What may or may not be there. */
  private String doubtful;

  private int names;

  CdcSubject(Path parent) throws IOException {
    shuckle =
        ShuckleServer.start(
            ShuckleConfig.builder(parent.resolve("shuckle"))
                .bindAddresses(List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))
                .build());
    shards =
        ShardHost.start(
            ShardHostConfig.of(parent.resolve("shards"), shuckle.addresses()), () -> {});
  }

  @Override
  public Path nextHome(Path parent, int life) {
    return parent.resolve("cdc");
  }

  @Override
  public void work(Path directory) throws IOException, InterruptedException {
    live(directory, false);
  }

  @Override
  public void settle(Path directory) throws IOException, InterruptedException {
    live(directory, true);
  }

  private void live(Path directory, boolean mustSucceed) throws IOException {
    AtomicBoolean failed = new AtomicBoolean();
    CdcConfig config =
        new CdcConfig(
            directory,
            List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)),
            shuckle.addresses(),
            ProtocolConstants.DEFAULT_LOCATION,
            null,
            SECOND / 10,
            null);
    try (CdcServer cdc = CdcServer.start(config, () -> failed.set(true))) {
      awaitReady(cdc, failed);
      if (doubtful != null) {
        makeDirectory(cdc, doubtful, failed);
      }
      for (int i = 0; i < DIRECTORIES && !failed.get(); i++) {
        makeDirectory(cdc, "dir" + names++, failed);
      }
      assertTrue(!failed.get() || !mustSucceed, "the CDC failed without a fault");
    }
    for (Map.Entry<String, Long> directoryMade : made.entrySet()) {
      assertEquals(directoryMade.getValue(), find(directoryMade.getKey()), directoryMade.getKey());
    }
  }

  private static void awaitReady(CdcServer cdc, AtomicBoolean failed) {
    long end = System.nanoTime() + READY_NANOS;
    while (!cdc.isReady() && !failed.get()) {
      assertTrue(System.nanoTime() < end, "the CDC does not find the shards");
      LockSupport.parkNanos(SECOND / 200);
    }
  }

  private void makeDirectory(CdcServer cdc, String name, AtomicBoolean failed) throws IOException {
    doubtful = name;
    ByteBuffer answer =
        peer.ask(
            cdc.address(),
            ProtocolConstants.MAGIC_CDC_REQUEST,
            CdcKind.MAKE_DIRECTORY,
            new MakeDirectoryRequest(InodeIds.ROOT, name.getBytes(StandardCharsets.US_ASCII)),
            failed::get);
    if (answer == null) {
      return;
    }
    int kind = answer.get() & 0xff;
    if (kind == 0) {
      assertEquals(ErrorCode.INTERNAL_ERROR.code(), answer.getShort(), "making " + name);
      return;
    }
    made.put(name, MakeDirectoryResponse.decode(answer).id());
    doubtful = null;
  }

  /** The directory of that name, or 0. */
  private long find(String name) throws IOException {
    ByteBuffer answer =
        peer.ask(
            shards.addresses(InodeIds.shard(InodeIds.ROOT)).getFirst(),
            ProtocolConstants.MAGIC_SHARD_REQUEST,
            ShardKind.LOOKUP,
            new LookupRequest(InodeIds.ROOT, name.getBytes(StandardCharsets.US_ASCII)),
            () -> false);
    return (answer.get() & 0xff) == 0 ? 0 : LookupResponse.decode(answer).targetId();
  }

  @Override
  public void close() throws IOException {
    peer.close();
    shards.close();
    shuckle.close();
  }
}
