package org.eggsfs.shard.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanCrcs;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.*;
import org.eggsfs.store.MapView;
import org.eggsfs.store.WriteTarget;
import org.junit.jupiter.api.function.Executable;

/**
 * One shard over a map, driven by requests. Every entry takes the way through its byte form, every
 * failed one is checked to have changed nothing but the applied index (P18), and the log is kept
 * for replay.
 */
final class Harness {
  static final int SERVICES_PER_CLASS = 20;
  static final int PARITY = Parity.of(2, 1);
  static final long INTERVAL = 1_000_000;
  static final byte[] SECRET = new byte[16];
  static final DirectoryInfo NO_INFO = new DirectoryInfo(List.of());

  /** All rows as text, to compare states. */
  static String dump(MapView store) {
    StringBuilder text = new StringBuilder();
    store
        .map()
        .forEach(
            (key, value) ->
                text.append(Arrays.toString(key)).append(Arrays.toString(value)).append('\n'));
    return text.toString();
  }

  final int shard;
  final MapView store = new MapView();
  final ShardState state;
  final List<byte[]> log = new ArrayList<>();
  final Random random;
  BlockServices services = services(SERVICES_PER_CLASS, 0);
  long now = 1_700_000_000_000_000_000L;
  private long lastIssued;
  private long index;

  Harness(int shard, long seed) {
    this.shard = shard;
    this.random = new Random(seed);
    ShardState.initialize(shard, SECRET, store);
    state = ShardState.open(store, shard, INTERVAL);
  }

  /** Services 1, 2, … of class FLASH and 101, 102, … of class HDD, each in its own domain. */
  static BlockServices services(int perClass, int flags) {
    List<BlockServices.Service> all = new ArrayList<>();
    List<Long> current = new ArrayList<>();
    for (int i = 1; i <= perClass; i++) {
      for (int storageClass : new int[] {StorageClass.FLASH, StorageClass.HDD}) {
        for (int location = 0; location < 2; location++) {
          long id = i + (storageClass == StorageClass.HDD ? 100 : 0) + 1000L * location;
          byte[] domain = new byte[16];
          Bytes.putLong(domain, 0, i + 1000L * location);
          all.add(
              new BlockServices.Service(
                  id,
                  new AddrsInfo(new IpPort(0x7f000001, (int) id), new IpPort(0, 0)),
                  location,
                  storageClass,
                  new FailureDomain(domain),
                  key(id),
                  flags,
                  1L << 40));
          current.add(id);
        }
      }
    }
    return BlockServices.of(all).withCurrent(current.stream().mapToLong(Long::longValue).toArray());
  }

  static CbcMac key(long service) {
    byte[] key = new byte[16];
    Bytes.putLong(key, 0, service);
    return new CbcMac(key);
  }

  ShardResponse signed(ShardRequest request) throws EggsException {
    return write(request, true);
  }

  /** A request of the CDC with that place among its requests. */
  ShardResponse placed(long order, ShardRequest request) throws EggsException {
    return apply(prepare(request, true).withOrder(order));
  }

  ShardResponse write(ShardRequest request) throws EggsException {
    return write(request, false);
  }

  LogEntry prepare(ShardRequest request, boolean signed) throws EggsException {
    now += 1000;
    long time = EntryTimes.next(now, lastIssued);
    lastIssued = time;
    return state.prepare(
        new PrepareContext(store, time, signed, services, random::nextDouble), request);
  }

  ShardResponse write(ShardRequest request, boolean signed) throws EggsException {
    return apply(prepare(request, signed));
  }

  /** Applies an entry through its byte form. */
  ShardResponse apply(LogEntry entry) throws EggsException {
    byte[] bytes = entry.encode();
    LogEntry decoded = LogEntry.decode(bytes);
    assertArrayEquals(bytes, decoded.encode());
    log.add(bytes);
    List<byte[]> touched = new ArrayList<>();
    WriteTarget target =
        new WriteTarget() {
          @Override
          public void put(byte[] key, byte[] value) {
            touched.add(key);
            store.put(key, value);
          }

          @Override
          public void delete(byte[] key) {
            touched.add(key);
            store.delete(key);
          }
        };
    ApplyResult result = state.apply(store, target, ++index, decoded);
    if (result.error() != null) {
      boolean placed = entry.order() != RequestOrder.NONE;
      assertTrue(
          touched.size() <= (placed ? 2 : 1),
          "an entry that failed changes the applied index alone, and the place of the last");
    }
    assertEquals(new ShardState.Applied(index, lastIssued), state.applied(store));
    ShardResponse response = state.finish(result, services);
    assertEquals(entry.kind(), response.kind());
    return wire(response);
  }

  ShardResponse read(ShardRequest request) throws EggsException {
    return wire(state.read(store, new ReadContext(false, services), request));
  }

  /** What a client decodes. */
  private static ShardResponse wire(ShardResponse response) {
    ByteBuffer buffer = Frames.buffer(response.encodedSize());
    response.encode(buffer);
    buffer.flip();
    ShardResponse decoded = ShardResponse.decode(response.kind(), buffer);
    Frames.requireEnd(buffer);
    assertEquals(response, decoded);
    return decoded;
  }

  /** Another executor of the same log, with other caches: P20. */
  String replay() {
    MapView copy = new MapView();
    ShardState.initialize(shard, SECRET, copy);
    ShardState replica = ShardState.open(copy, shard, 7);
    long at = 0;
    for (byte[] entry : log) {
      replica.apply(copy, copy, ++at, LogEntry.decode(entry));
    }
    return dump(copy);
  }

  List<String> check() {
    Findings findings = new Findings();
    ShardChecker.check(store, shard, services, findings);
    return findings.kept();
  }

  void assertSound() {
    assertEquals(List.of(), check());
  }

  static void assertError(ErrorCode code, Executable action) {
    assertEquals(code, assertThrows(EggsException.class, action).code());
  }

  void fails(ErrorCode code, ShardRequest request) {
    assertError(code, () -> write(request));
  }

  void failsSigned(ErrorCode code, ShardRequest request) {
    assertError(code, () -> signed(request));
  }

  void failsRead(ErrorCode code, ShardRequest request) {
    assertError(code, () -> read(request));
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  // Building blocks of scenarios.

  long directory(int sequence) {
    return InodeIds.of(InodeIds.DIRECTORY, sequence, shard);
  }

  /** A live directory whose owner is the root. */
  long makeDirectory(int sequence) throws EggsException {
    long id = directory(sequence);
    signed(new CreateDirectoryInodeRequest(id, InodeIds.ROOT, NO_INFO));
    return id;
  }

  ConstructFileResponse construct() throws EggsException {
    return (ConstructFileResponse) write(new ConstructFileRequest(InodeIds.FILE, bytes("note")));
  }

  static AddInlineSpanRequest inline(ConstructFileResponse file, long offset, String body) {
    byte[] bytes = bytes(body);
    return new AddInlineSpanRequest(
        file.id(),
        file.cookie(),
        StorageClass.INLINE,
        offset,
        bytes.length,
        Crc32c.sum(0, bytes, 0, bytes.length),
        bytes);
  }

  long link(ConstructFileResponse file, long directory, String name) throws EggsException {
    return ((LinkFileResponse)
            write(new LinkFileRequest(file.id(), file.cookie(), directory, bytes(name))))
        .creationTime();
  }

  /** CRCs of a span of one page per cell, two data cells and one parity cell per stripe. */
  static int[] cells(int stripes, int seed) {
    int[] crcs = new int[3 * stripes];
    for (int s = 0; s < stripes; s++) {
      crcs[3 * s] = new Random(seed + 10L * s).nextInt();
      crcs[3 * s + 1] = new Random(seed + 10L * s + 1).nextInt();
      crcs[3 * s + 2] = Crc32c.xor(crcs[3 * s], crcs[3 * s + 1], 4096);
    }
    return crcs;
  }

  static AddSpanInitiateRequest span(
      ConstructFileResponse file, long offset, int stripes, int seed) {
    int[] crcs = cells(stripes, seed);
    int[] stripeCrcs = SpanCrcs.stripeCrcs(crcs, 3, 2, 4096);
    long size = stripes * 2L * 4096;
    return new AddSpanInitiateRequest(
        file.id(),
        file.cookie(),
        offset,
        size,
        SpanCrcs.spanCrc(stripeCrcs, 2, 4096, size),
        StorageClass.FLASH,
        List.of(),
        PARITY,
        stripes,
        4096,
        crcs);
  }

  List<AddSpanInitiateBlockInfo> initiate(ConstructFileResponse file, long offset, int seed)
      throws EggsException {
    return ((AddSpanInitiateResponse) write(span(file, offset, 1, seed))).blocks();
  }

  static List<BlockProof> writeProofs(List<AddSpanInitiateBlockInfo> blocks) {
    List<BlockProof> proofs = new ArrayList<>();
    for (AddSpanInitiateBlockInfo block : blocks) {
      proofs.add(
          new BlockProof(
              block.blockId(),
              Certificates.writeProof(
                  key(block.blockServiceId()), block.blockServiceId(), block.blockId())));
    }
    return proofs;
  }

  static List<BlockProof> eraseProofs(List<RemoveSpanInitiateBlockInfo> blocks) {
    List<BlockProof> proofs = new ArrayList<>();
    for (RemoveSpanInitiateBlockInfo block : blocks) {
      proofs.add(
          new BlockProof(
              block.blockId(),
              Certificates.eraseProof(
                  key(block.blockServiceId()), block.blockServiceId(), block.blockId())));
    }
    return proofs;
  }

  AddSpanCertifyRequest certify(
      ConstructFileResponse file, long offset, List<AddSpanInitiateBlockInfo> blocks) {
    return new AddSpanCertifyRequest(file.id(), file.cookie(), offset, writeProofs(blocks));
  }

  /** A whole span of blocks: 8192 bytes. */
  List<AddSpanInitiateBlockInfo> addSpan(ConstructFileResponse file, long offset, int seed)
      throws EggsException {
    List<AddSpanInitiateBlockInfo> blocks = initiate(file, offset, seed);
    write(certify(file, offset, blocks));
    return blocks;
  }

  LookupResponse lookup(long directory, String name) throws EggsException {
    return (LookupResponse) read(new LookupRequest(directory, bytes(name)));
  }
}
