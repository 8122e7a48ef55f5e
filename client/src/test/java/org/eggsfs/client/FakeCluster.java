package org.eggsfs.client;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanCrcs;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.cdc.*;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.shuckle.*;
import org.eggsfs.protocol.struct.*;

/**
 * A cluster in memory for tests of the client: a shuckle, one UDP socket that plays all shards and
 * the CDC with just enough behaviour of {@code shard.md} sections 6, 8 and 9, and block servers,
 * each a failure domain of its own. Loses and doubles packets on demand. Counts requests by kind.
 */
final class FakeCluster implements AutoCloseable {
  private static final long SECOND = 1_000_000_000L;

  private record FakeSpan(
      long size,
      int crc,
      int storageClass,
      byte[] inline,
      AddSpanInitiateRequestBody initiate,
      List<AddSpanInitiateBlockInfo> places) {}

  private static final class FakeFile {
    final TreeMap<Long, FakeSpan> spans = new TreeMap<>();
    long size;
    boolean dirty;
    boolean linked;
    boolean scrapped;
    long mtime;
  }

  private record FakeEdge(long target, long creationTime) {}

  private static final class FakeDirectory {
    final TreeMap<String, FakeEdge> current = new TreeMap<>();
    final Map<String, List<Edge>> history = new HashMap<>();
    DirectoryInfo info = new DirectoryInfo(List.of());
    long owner;
  }

  final List<FakeBlockServer> blockServers = new ArrayList<>();

  /** Requests for places of blocks that find too few. */
  final AtomicInteger placesToRefuse = new AtomicInteger();

  final Map<Integer, AtomicInteger> shardRequests = new ConcurrentHashMap<>();

  /** Kinds of the requests that the CDC has taken, in order. */
  final List<Integer> cdcRequests = Collections.synchronizedList(new ArrayList<>());

  private final Map<Long, FakeFile> files = new HashMap<>();
  private final Map<Long, FakeDirectory> directories = new HashMap<>();
  private final Random random = new Random(1);
  private final ServerSocket shuckle;
  private final DatagramSocket udp;
  private final DatagramSocket udpOther;
  private final Map<Long, byte[]> answers = Collections.synchronizedMap(new HashMap<>());
  private long nextSequence = 1;
  private long nextBlock = 0x1000;
  private long clock = 1_700_000_000L * SECOND;

  /** Of 100 packets, in each direction. */
  volatile int lossPercent;

  /** Of 100 answers. */
  volatile int doublePercent;

  /** Called with each request before it is carried out; an exception becomes the answer. */
  volatile Hook hook = request -> {};

  /** Drops what servers of TernFS do not know: our own messages. */
  volatile boolean dropsOurOwn;

  /** Drops everything sent to the CDC. */
  volatile boolean cdcDown;

  /** Loses the first answer to each request of these kinds, having carried it out. */
  volatile List<Integer> loseFirstAnswerOf = List.of();

  interface Hook {
    void before(Message request) throws EggsException;
  }

  FakeCluster(int blockServerCount) throws IOException {
    for (int i = 0; i < blockServerCount; i++) {
      blockServers.add(new FakeBlockServer());
    }
    FakeDirectory root = new FakeDirectory();
    root.info = defaultPolicies(256 << 10, 64 << 10);
    directories.put(InodeIds.ROOT, root);
    shuckle = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    udp = new DatagramSocket(0, InetAddress.getLoopbackAddress());
    udpOther = new DatagramSocket(0, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::acceptShuckle);
    for (DatagramSocket socket : List.of(udp, udpOther)) {
      Thread.ofPlatform().daemon().start(() -> serve(socket));
    }
  }

  /** A small version of the usual policies: inline, (1,2), (2,2), (4,2) with spans of some size. */
  static DirectoryInfo defaultPolicies(int spanSizeMax, int stripeSize) {
    return new DirectoryInfo(
        List.of(
            entry(DirectoryInfoTag.SNAPSHOT, new SnapshotPolicy(0, 0)),
            entry(
                DirectoryInfoTag.SPAN,
                new SpanPolicy(
                    List.of(
                        new SpanPolicyEntry(4096, Parity.of(1, 2)),
                        new SpanPolicyEntry(8192, Parity.of(2, 2)),
                        new SpanPolicyEntry(spanSizeMax, Parity.of(4, 2))))),
            entry(
                DirectoryInfoTag.BLOCK,
                new BlockPolicy(List.of(new BlockPolicyEntry(StorageClass.FLASH, 0)))),
            entry(DirectoryInfoTag.STRIPE, new StripePolicy(stripeSize))));
  }

  static DirectoryInfoEntry entry(int tag, Message policy) {
    ByteBuffer body = Frames.buffer(policy.encodedSize());
    policy.encode(body);
    return new DirectoryInfoEntry(tag, body.array());
  }

  InetSocketAddress shuckleAddress() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), shuckle.getLocalPort());
  }

  EggsClient connect(Consumer<ClientConfig.Builder> options) throws Exception {
    ClientConfig.Builder builder =
        ClientConfig.builder().shuckle(shuckleAddress()).memoryBudget(16 << 20);
    options.accept(builder);
    return EggsClient.connect(builder.build());
  }

  EggsClient connect() throws Exception {
    return connect(builder -> {});
  }

  int requests(int kind) {
    AtomicInteger count = shardRequests.get(kind);
    return count == null ? 0 : count.get();
  }

  /** The block server that holds a block of a file's span. */
  synchronized FakeBlockServer serverOf(long file, long offset, int block) {
    return blockServers.get(
        (int) files.get(file).spans.get(offset).places.get(block).blockServiceId() - 1);
  }

  synchronized long blockId(long file, long offset, int block) {
    return files.get(file).spans.get(offset).places.get(block).blockId();
  }

  synchronized List<Long> spanOffsets(long file) {
    return List.copyOf(files.get(file).spans.keySet());
  }

  synchronized int unlinkedAndNotScrapped() {
    return (int) files.values().stream().filter(f -> !f.linked && !f.scrapped).count();
  }

  private void acceptShuckle() {
    while (!shuckle.isClosed()) {
      try {
        Socket socket = shuckle.accept();
        Thread.ofVirtual().start(() -> serveShuckle(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serveShuckle(Socket socket) {
    try (socket) {
      DataInputStream in = new DataInputStream(socket.getInputStream());
      while (true) {
        byte[] head = new byte[8];
        in.readFully(head);
        ByteBuffer body =
            ByteBuffer.wrap(
                    in.readNBytes(ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getInt(4)))
                .order(ByteOrder.LITTLE_ENDIAN);
        ShuckleRequest request = ShuckleRequest.decode(body.get() & 0xff, body);
        AddrsInfo addrs =
            Addresses.of(
                (InetSocketAddress) udp.getLocalSocketAddress(),
                (InetSocketAddress) udpOther.getLocalSocketAddress());
        Message response =
            request instanceof LocalShardsRequest
                ? new LocalShardsResponse(
                    Collections.nCopies(ProtocolConstants.SHARD_COUNT, new ShardInfo(addrs, 1)))
                : new LocalCdcResponse(addrs, 1);
        ByteBuffer out = Frames.buffer(9 + response.encodedSize());
        Frames.putShuckle(out, ProtocolConstants.MAGIC_SHUCKLE_RESPONSE, request.kind(), response);
        socket.getOutputStream().write(out.array());
      }
    } catch (IOException e) {
      // The client has gone.
    }
  }

  private void serve(DatagramSocket socket) {
    byte[] bytes = new byte[9000];
    while (!socket.isClosed()) {
      DatagramPacket packet = new DatagramPacket(bytes, bytes.length);
      try {
        socket.receive(packet);
        if (!isLost()) {
          byte[] answer = handle(Arrays.copyOf(bytes, packet.getLength()));
          int copies = answer == null ? 0 : random.nextInt(100) < doublePercent ? 2 : 1;
          for (int i = 0; i < copies; i++) {
            if (!isLost()) {
              socket.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
            }
          }
        }
      } catch (IOException e) {
        return;
      }
    }
  }

  private boolean isLost() {
    synchronized (random) {
      return random.nextInt(100) < lossPercent;
    }
  }

  /** One packet; repeated ids are carried out again, as a real server may. */
  private synchronized byte[] handle(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int magic = in.getInt();
    long id = in.getLong();
    int kind = in.get() & 0xff;
    boolean cdc = magic == ProtocolConstants.MAGIC_CDC_REQUEST;
    int answerMagic =
        cdc ? ProtocolConstants.MAGIC_CDC_RESPONSE : ProtocolConstants.MAGIC_SHARD_RESPONSE;
    ByteBuffer out = Frames.buffer(9000);
    try {
      Message request = cdc ? CdcRequest.decode(kind, in) : ShardRequest.decode(kind, in);
      Frames.requireEnd(in);
      if (dropsOurOwn && kind >= 0x40 && kind < 0x70 || cdc && cdcDown) {
        return null;
      }
      if (cdc) {
        cdcRequests.add(kind);
      } else {
        shardRequests.computeIfAbsent(kind, k -> new AtomicInteger()).incrementAndGet();
      }
      hook.before(request);
      clock += 1000;
      Message response = cdc ? cdc((CdcRequest) request) : shard((ShardRequest) request);
      Frames.putUdp(out, answerMagic, id, kind, response);
      if (!cdc
          && loseFirstAnswerOf.contains(kind)
          && answers.putIfAbsent(id, new byte[0]) == null) {
        return null;
      }
    } catch (EggsException e) {
      out.clear();
      Frames.putUdpError(out, answerMagic, id, e.code());
    }
    return Arrays.copyOf(out.array(), out.position());
  }

  private static EggsException error(ErrorCode code) {
    return new EggsException(code);
  }

  private Message cdc(CdcRequest request) throws EggsException {
    return switch (request) {
      case MakeDirectoryRequest r -> {
        FakeEdge present = directory(r.ownerId()).current.get(text(r.name()));
        if (present != null && InodeIds.isDirectory(present.target)) {
          yield new MakeDirectoryResponse(present.target, present.creationTime);
        }
        FakeEdge made = makeDirectory(r.ownerId(), text(r.name()));
        yield new MakeDirectoryResponse(made.target, made.creationTime);
      }
      case MakeNewDirectoryRequest r -> {
        if (r.ownerId() == InodeIds.NULL) {
          throw error(ErrorCode.MALFORMED_REQUEST);
        }
        FakeEdge made = makeDirectory(r.ownerId(), text(r.name()));
        yield new MakeNewDirectoryResponse(made.target, made.creationTime);
      }
      case RenameFileRequest r -> {
        move(r.oldOwnerId(), r.oldName(), r.oldCreationTime(), r.newOwnerId(), r.newName(), true);
        yield new RenameFileResponse(clock);
      }
      case RenameFileNoReplaceRequest r -> {
        move(r.oldOwnerId(), r.oldName(), r.oldCreationTime(), r.newOwnerId(), r.newName(), false);
        yield new RenameFileNoReplaceResponse(clock);
      }
      default -> throw error(ErrorCode.INTERNAL_ERROR);
    };
  }

  private FakeEdge makeDirectory(long owner, String name) throws EggsException {
    FakeDirectory parent = directory(owner);
    if (parent.current.containsKey(name)) {
      throw error(ErrorCode.CANNOT_OVERRIDE_NAME);
    }
    long id = InodeIds.of(InodeIds.DIRECTORY, nextSequence++, (int) (nextSequence & 0xff));
    FakeDirectory made = new FakeDirectory();
    made.owner = owner;
    directories.put(id, made);
    FakeEdge edge = new FakeEdge(id, clock);
    parent.current.put(name, edge);
    return edge;
  }

  private void move(
      long from, byte[] oldName, long creationTime, long to, byte[] newName, boolean replace)
      throws EggsException {
    FakeDirectory directory = directory(from);
    FakeEdge edge = directory.current.get(text(oldName));
    if (edge == null || edge.creationTime != creationTime) {
      throw error(ErrorCode.EDGE_NOT_FOUND);
    }
    FakeDirectory into = directory(to);
    if (!replace && into.current.containsKey(text(newName))) {
      throw error(ErrorCode.CANNOT_OVERRIDE_NAME);
    }
    directory.current.remove(text(oldName));
    directory.history.put(
        text(oldName),
        List.of(
            new Edge(false, 0, 0, oldName, clock),
            new Edge(false, edge.target, 0, oldName, edge.creationTime)));
    into.current.put(text(newName), new FakeEdge(edge.target, clock));
  }

  private FakeDirectory directory(long id) throws EggsException {
    FakeDirectory directory = directories.get(id);
    if (directory == null) {
      throw error(ErrorCode.DIRECTORY_NOT_FOUND);
    }
    return directory;
  }

  private FakeFile file(long id) throws EggsException {
    FakeFile file = files.get(id);
    if (file == null) {
      throw error(ErrorCode.FILE_NOT_FOUND);
    }
    return file;
  }

  private FakeFile transientFile(long id, long cookie) throws EggsException {
    FakeFile file = file(id);
    if (cookie != id * 31) {
      throw error(ErrorCode.BAD_COOKIE);
    }
    if (file.linked) {
      throw error(ErrorCode.FILE_NOT_FOUND);
    }
    return file;
  }

  private static String text(byte[] name) {
    return new String(name, java.nio.charset.StandardCharsets.ISO_8859_1);
  }

  private static byte[] bytes(String name) {
    return name.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
  }

  private Message shard(ShardRequest request) throws EggsException {
    return switch (request) {
      case LookupRequest r -> {
        FakeEdge edge = directory(r.dirId()).current.get(text(r.name()));
        if (edge == null) {
          throw error(ErrorCode.NAME_NOT_FOUND);
        }
        yield new LookupResponse(edge.target, edge.creationTime);
      }
      case StatDirectoryRequest r -> {
        FakeDirectory directory = directory(r.id());
        yield new StatDirectoryResponse(clock, directory.owner, directory.info);
      }
      case SetDirectoryInfoRequest r -> {
        directory(r.id()).info = r.info();
        yield new SetDirectoryInfoResponse();
      }
      case StatFileRequest r -> {
        FakeFile file = file(r.id());
        yield new StatFileResponse(file.mtime, file.mtime, file.size);
      }
      case SetTimeRequest r -> {
        FakeFile file = file(r.id());
        if (!file.linked) {
          throw error(ErrorCode.FILE_NOT_FOUND);
        }
        file.mtime = r.mtime() & Long.MAX_VALUE;
        yield new SetTimeResponse();
      }
      case ReadDirRequest r -> readDir(r);
      case FullReadDirRequest r -> {
        FakeDirectory directory = directory(r.dirId());
        List<Edge> edges = new ArrayList<>();
        FakeEdge current = directory.current.get(text(r.startName()));
        if (current != null) {
          edges.add(new Edge(true, current.target, 0, r.startName(), current.creationTime));
        }
        edges.addAll(directory.history.getOrDefault(text(r.startName()), List.of()));
        yield new FullReadDirResponse(new FullReadDirCursor(false, new byte[0], 0), edges);
      }
      case ConstructFileRequest r -> {
        long id = InodeIds.of(r.type(), nextSequence++, 0);
        files.put(id, new FakeFile());
        yield new ConstructFileResponse(id, id * 31);
      }
      case AddInlineSpanRequest r -> {
        FakeFile file = transientFile(r.fileId(), r.cookie());
        if (file.size == r.byteOffset() + r.size() && file.spans.containsKey(r.byteOffset())) {
          yield new AddInlineSpanResponse();
        }
        requireEnd(file, r.byteOffset());
        file.spans.put(
            r.byteOffset(), new FakeSpan(r.size(), r.crc(), 1, r.body(), null, List.of()));
        file.size += r.size();
        yield new AddInlineSpanResponse();
      }
      case AddSpanInitiateRequest r ->
          new AddSpanInitiateResponse(
              initiate(
                  new AddSpanInitiateRequestBody(
                      r.fileId(),
                      r.cookie(),
                      r.byteOffset(),
                      r.size(),
                      r.crc(),
                      r.storageClass(),
                      r.blacklist(),
                      r.parity(),
                      r.stripes(),
                      r.cellSize(),
                      r.crcs())));
      case AddSpanInitiateWithReferenceRequest r ->
          new AddSpanInitiateWithReferenceResponse(
              new AddSpanInitiateResponseBody(initiate(r.req())));
      case AddSpanCertifyRequest r -> certify(r);
      case MoveSpanRequest r -> move(r);
      case ScrapTransientFileRequest r -> {
        transientFile(r.id(), r.cookie()).scrapped = true;
        yield new ScrapTransientFileResponse();
      }
      case LinkFileRequest r -> link(r);
      case CommitFileRequest r -> commit(r);
      case LocalFileSpansRequest r -> spans(r);
      case SoftUnlinkFileRequest r -> {
        FakeDirectory directory = directory(r.ownerId());
        FakeEdge edge = directory.current.get(text(r.name()));
        if (edge == null || edge.creationTime != r.creationTime()) {
          throw error(ErrorCode.EDGE_NOT_FOUND);
        }
        remove(directory, r.name());
        yield new SoftUnlinkFileResponse(clock);
      }
      case SameDirectoryRenameRequest r -> {
        move(r.dirId(), r.oldName(), r.oldCreationTime(), r.dirId(), r.newName(), true);
        yield new SameDirectoryRenameResponse(clock);
      }
      case SameDirectoryRenameNoReplaceRequest r -> {
        if (!InodeIds.isDirectory(r.dirId())) {
          throw error(ErrorCode.TYPE_IS_NOT_DIRECTORY);
        }
        move(r.dirId(), r.oldName(), r.oldCreationTime(), r.dirId(), r.newName(), false);
        yield new SameDirectoryRenameNoReplaceResponse(clock);
      }
      default -> throw error(ErrorCode.INTERNAL_ERROR);
    };
  }

  private void remove(FakeDirectory directory, byte[] name) {
    FakeEdge edge = directory.current.remove(text(name));
    directory.history.put(
        text(name),
        List.of(
            new Edge(false, 0, 0, name, clock),
            new Edge(false, InodeIds.withExtra(edge.target, true), 0, name, edge.creationTime)));
  }

  /** What a collector does to a file that has no name any more. */
  synchronized void loseLastSpan(long id) {
    files.get(id).spans.pollLastEntry();
  }

  /** What defragmentation does with the spans of two files of the same bytes. */
  synchronized void swapSpans(long one, long other) {
    TreeMap<Long, FakeSpan> spans = new TreeMap<>(files.get(one).spans);
    files.get(one).spans.clear();
    files.get(one).spans.putAll(files.get(other).spans);
    files.get(other).spans.clear();
    files.get(other).spans.putAll(spans);
  }

  /** Somebody else removes a file from the root; for a {@link Hook}. */
  void unlink(String name) throws EggsException {
    remove(directory(InodeIds.ROOT), name.getBytes(StandardCharsets.UTF_8));
  }

  private static void requireEnd(FakeFile file, long offset) throws EggsException {
    if (file.size != offset) {
      throw error(ErrorCode.SPAN_NOT_FOUND);
    }
    if (file.dirty) {
      throw error(ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
    }
  }

  private List<AddSpanInitiateBlockInfo> initiate(AddSpanInitiateRequestBody r)
      throws EggsException {
    FakeFile file = transientFile(r.fileId(), r.cookie());
    FakeSpan present = file.spans.get(r.byteOffset());
    if (present != null && file.size == r.byteOffset() + r.size() && present.crc == r.crc()) {
      return present.places;
    }
    requireEnd(file, r.byteOffset());
    if (!SpanCrcs.areConsistent(
        r.crcs(), r.parity(), r.stripes(), r.cellSize(), r.size(), r.crc())) {
      throw error(ErrorCode.BAD_SPAN_BODY);
    }
    List<Integer> candidates = new ArrayList<>();
    for (int i = 0; i < blockServers.size(); i++) {
      FailureDomain domain = domain(i);
      if (r.blacklist().stream().noneMatch(entry -> entry.failureDomain().equals(domain))) {
        candidates.add(i);
      }
    }
    int blocks = Parity.blocks(r.parity());
    boolean refused = placesToRefuse.getAndUpdate(n -> Math.max(0, n - 1)) > 0;
    if (refused || candidates.size() < blocks) {
      throw error(ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES);
    }
    Collections.shuffle(candidates, random);
    List<AddSpanInitiateBlockInfo> places = new ArrayList<>();
    for (int b = 0; b < blocks; b++) {
      int server = candidates.get(b);
      nextBlock += 0x100;
      places.add(
          new AddSpanInitiateBlockInfo(
              blockServers.get(server).addrs(), server + 1, domain(server), nextBlock, 7));
    }
    file.spans.put(
        r.byteOffset(), new FakeSpan(r.size(), r.crc(), r.storageClass(), null, r, places));
    file.size += r.size();
    file.dirty = true;
    return places;
  }

  private static FailureDomain domain(int server) {
    return new FailureDomain(Arrays.copyOf(bytes("fd" + server), 16));
  }

  private Message certify(AddSpanCertifyRequest r) throws EggsException {
    FakeFile file = transientFile(r.fileId(), r.cookie());
    FakeSpan span = file.spans.get(r.byteOffset());
    if (span == null) {
      throw error(ErrorCode.SPAN_NOT_FOUND);
    }
    if (file.size == r.byteOffset() + span.size && file.dirty) {
      for (int b = 0; b < span.places.size(); b++) {
        BlockProof proof = r.proofs().get(b);
        if (proof.blockId() != span.places.get(b).blockId()
            || proof.proof() != proof.blockId() + 1) {
          throw error(ErrorCode.BAD_BLOCK_PROOF);
        }
      }
      file.dirty = false;
    }
    return new AddSpanCertifyResponse();
  }

  private Message move(MoveSpanRequest r) throws EggsException {
    FakeFile from = transientFile(r.fileId1(), r.cookie1());
    FakeFile to = transientFile(r.fileId2(), r.cookie2());
    boolean already =
        from.size == r.byteOffset1()
            && !from.dirty
            && to.size == r.byteOffset2() + r.spanSize()
            && to.dirty;
    if (!already) {
      if (!from.dirty
          || from.size != r.byteOffset1() + r.spanSize()
          || to.dirty
          || to.size != r.byteOffset2()) {
        throw error(ErrorCode.SPAN_NOT_FOUND);
      }
      to.spans.put(r.byteOffset2(), from.spans.remove(r.byteOffset1()));
      from.size -= r.spanSize();
      from.dirty = false;
      to.size += r.spanSize();
      to.dirty = true;
    }
    return new MoveSpanResponse();
  }

  private LinkFileResponse link(LinkFileRequest r) throws EggsException {
    FakeDirectory directory = directory(r.ownerId());
    FakeEdge edge = directory.current.get(text(r.name()));
    FakeFile file = file(r.fileId());
    if (file.linked && edge != null && edge.target == r.fileId()) {
      return new LinkFileResponse(edge.creationTime);
    }
    if (transientFile(r.fileId(), r.cookie()).dirty) {
      throw error(ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
    }
    if (edge != null && InodeIds.isDirectory(edge.target)) {
      throw error(ErrorCode.CANNOT_OVERRIDE_NAME);
    }
    file.linked = true;
    file.mtime = clock;
    directory.current.put(text(r.name()), new FakeEdge(r.fileId(), clock));
    return new LinkFileResponse(clock);
  }

  private Message commit(CommitFileRequest r) throws EggsException {
    FakeDirectory directory = directory(r.ownerId());
    FakeEdge edge = directory.current.get(text(r.name()));
    if (!file(r.fileId()).linked) {
      if (!r.proofs().isEmpty()) {
        certify(new AddSpanCertifyRequest(r.fileId(), r.cookie(), r.byteOffset(), r.proofs()));
      }
      if (r.mustBeNew() && edge != null) {
        throw error(ErrorCode.CANNOT_OVERRIDE_NAME);
      }
    } else if (edge == null || edge.target != r.fileId()) {
      throw error(ErrorCode.FILE_NOT_FOUND);
    }
    boolean first = !file(r.fileId()).linked;
    LinkFileResponse linked =
        link(new LinkFileRequest(r.fileId(), r.cookie(), r.ownerId(), r.name()));
    if (first && r.mtime() < 0) {
      file(r.fileId()).mtime = r.mtime() & Long.MAX_VALUE;
    }
    return new CommitFileResponse(linked.creationTime());
  }

  /** Hashes are the position in the order of names plus one; a few entries per page. */
  private Message readDir(ReadDirRequest r) throws EggsException {
    List<CurrentEdge> page = new ArrayList<>();
    long hash = 0;
    for (Map.Entry<String, FakeEdge> entry : directory(r.dirId()).current.entrySet()) {
      hash++;
      if (hash < r.startHash()) {
        continue;
      }
      if (page.size() == 3) {
        return new ReadDirResponse(hash, page);
      }
      page.add(
          new CurrentEdge(
              entry.getValue().target, hash, bytes(entry.getKey()), entry.getValue().creationTime));
    }
    return new ReadDirResponse(0, page);
  }

  /** Two spans per page. */
  private Message spans(LocalFileSpansRequest r) throws EggsException {
    FakeFile file = file(r.fileId());
    List<FetchedSpan> spans = new ArrayList<>();
    List<BlockService> services = new ArrayList<>();
    Long at = file.spans.floorKey(r.byteOffset());
    while (at != null) {
      if (spans.size() == 2) {
        return new LocalFileSpansResponse(at, services, spans);
      }
      FakeSpan span = file.spans.get(at);
      FetchedSpanHeader header = new FetchedSpanHeader(at, span.size, span.crc, span.storageClass);
      if (span.inline != null) {
        spans.add(new FetchedSpan(header, new FetchedInlineSpan(span.inline)));
      } else {
        AddSpanInitiateRequestBody i = span.initiate;
        int blocks = Parity.blocks(i.parity());
        int[] blockCrcs = SpanCrcs.blockCrcs(i.crcs(), blocks, i.cellSize());
        List<FetchedBlock> fetched = new ArrayList<>();
        for (int b = 0; b < blocks; b++) {
          AddSpanInitiateBlockInfo place = span.places.get(b);
          fetched.add(new FetchedBlock(services.size(), place.blockId(), blockCrcs[b]));
          services.add(new BlockService(place.blockServiceAddrs(), place.blockServiceId(), 0));
        }
        spans.add(
            new FetchedSpan(
                header,
                new FetchedBlocksSpan(
                    i.parity(),
                    i.stripes(),
                    i.cellSize(),
                    fetched,
                    SpanCrcs.stripeCrcs(i.crcs(), blocks, Parity.data(i.parity()), i.cellSize()))));
      }
      at = file.spans.higherKey(at);
    }
    return new LocalFileSpansResponse(0, services, spans);
  }

  @Override
  public void close() throws IOException {
    shuckle.close();
    udp.close();
    udpOther.close();
    blockServers.forEach(FakeBlockServer::close);
  }
}
