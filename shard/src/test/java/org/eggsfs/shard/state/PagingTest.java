package org.eggsfs.shard.state;

import static org.eggsfs.shard.state.Harness.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.*;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * P21: for every listing the pages of any size, put together, are the whole sequence; each fits its
 * datagram; the modes of FullReadDir agree with each other.
 */
class PagingTest {
  private static final int[] MTUS = {0, 1, 1472, 1473, 2000, 4000, 8972, 65535};
  private static final int NAMES = 120;
  private static final byte[] NO_NAME = {};

  private final Harness shard = new Harness(0, 3);
  private final long root = InodeIds.ROOT;

  @BeforeEach
  void manyNamesWithAPast() throws EggsException {
    Random random = new Random(3);
    for (int i = 0; i < NAMES; i++) {
      String name = ("n" + i + "-").repeat(1 + random.nextInt(40));
      name = name.substring(0, Math.min(255, name.length()));
      for (int version = random.nextInt(4); version >= 0; version--) {
        shard.link(shard.construct(), root, name);
      }
      if (random.nextInt(3) == 0) {
        LookupResponse edge = shard.lookup(root, name);
        shard.write(
            new SoftUnlinkFileRequest(root, edge.targetId(), bytes(name), edge.creationTime()));
      }
    }
    // One name with more versions than the smallest page holds.
    for (int i = 0; i < 80; i++) {
      shard.link(shard.construct(), root, "versions");
    }
  }

  private static int limit(int mtu) {
    return Math.clamp(mtu, 1472, 8972);
  }

  private ShardResponse page(ShardRequest request, int mtu) throws EggsException {
    ShardResponse response = shard.read(request);
    assertTrue(Frames.UDP_HEADER_SIZE + response.encodedSize() <= limit(mtu));
    return response;
  }

  @Test
  void readDir() throws EggsException {
    List<CurrentEdge> whole = null;
    for (int mtu : MTUS) {
      List<CurrentEdge> all = new ArrayList<>();
      long hash = 0;
      int pages = 0;
      do {
        ReadDirResponse response = (ReadDirResponse) page(new ReadDirRequest(root, hash, mtu), mtu);
        assertFalse(response.results().isEmpty());
        all.addAll(response.results());
        hash = response.nextHash();
        pages++;
      } while (hash != 0);
      assertTrue(pages > 1 || mtu > 4000);
      whole = whole == null ? all : whole;
      assertEquals(whole, all);
    }
    assertTrue(whole.size() > NAMES / 2);
  }

  private List<Edge> fullReadDir(int flags, byte[] name, long time, int mtu) throws EggsException {
    List<Edge> all = new ArrayList<>();
    FullReadDirCursor at =
        new FullReadDirCursor((flags & FullReadDirFlags.CURRENT) != 0, name, time);
    do {
      int pageFlags =
          (flags & ~FullReadDirFlags.CURRENT) | (at.current() ? FullReadDirFlags.CURRENT : 0);
      FullReadDirResponse response =
          (FullReadDirResponse)
              page(
                  new FullReadDirRequest(root, pageFlags, at.startName(), at.startTime(), 0, mtu),
                  mtu);
      all.addAll(response.results());
      at = response.next();
    } while (at.startName().length > 0);
    return all;
  }

  @Test
  void fullReadDirAgreesWithItself() throws EggsException {
    List<Edge> forwards = fullReadDir(0, NO_NAME, 0, 8972);
    assertEquals(NAMES, forwards.stream().map(Edge::nameHash).distinct().count() - 1);
    int backwards = FullReadDirFlags.BACKWARDS | FullReadDirFlags.CURRENT;
    for (int mtu : MTUS) {
      assertEquals(forwards, fullReadDir(0, NO_NAME, 0, mtu));
      assertEquals(forwards.reversed(), fullReadDir(backwards, NO_NAME, 0, mtu));
    }
    int firstCurrent = 0;
    while (!forwards.get(firstCurrent).current()) {
      firstCurrent++;
    }
    assertEquals(
        forwards.subList(firstCurrent, forwards.size()),
        fullReadDir(FullReadDirFlags.CURRENT, NO_NAME, 0, 0));
    assertEquals(
        forwards.subList(0, firstCurrent).reversed(),
        fullReadDir(FullReadDirFlags.BACKWARDS, NO_NAME, 0, 0));
  }

  @Test
  void oneNameIsAFilterOfAll() throws EggsException {
    List<Edge> everything = fullReadDir(0, NO_NAME, 0, 8972);
    for (Edge some : everything.subList(0, 40)) {
      checkOneName(everything, some.name());
    }
    checkOneName(everything, bytes("versions"));
    checkOneName(everything, bytes("no such name"));
  }

  private void checkOneName(List<Edge> everything, byte[] name) throws EggsException {
    int same = FullReadDirFlags.SAME_NAME;
    int back = FullReadDirFlags.BACKWARDS;
    int current = FullReadDirFlags.CURRENT;
    List<Edge> all = everything.stream().filter(e -> Arrays.equals(e.name(), name)).toList();
    List<Edge> past = all.stream().filter(e -> !e.current()).toList();
    for (int mtu : new int[] {0, 2000, 8972}) {
      assertEquals(all, fullReadDir(same, name, 0, mtu));
      assertEquals(all.reversed(), fullReadDir(same | back | current, name, 0, mtu));
      assertEquals(past.reversed(), fullReadDir(same | back, name, 0, mtu));
      assertEquals(
          all.stream().filter(Edge::current).toList(), fullReadDir(same | current, name, 0, mtu));
    }
    if (past.size() > 1) {
      long bound = past.get(1).creationTime();
      assertEquals(all.subList(1, all.size()), fullReadDir(same, name, bound, 0));
      assertEquals(past.subList(0, 2).reversed(), fullReadDir(same | back, name, bound, 0));
      assertEquals(past.subList(0, 1), fullReadDir(same | back, name, bound - 1, 0));
    }
  }

  @Test
  void fullReadDirLimits() throws EggsException {
    int newest = FullReadDirFlags.BACKWARDS | FullReadDirFlags.SAME_NAME | FullReadDirFlags.CURRENT;
    for (int limit = 1; limit <= 3; limit++) {
      FullReadDirResponse response =
          (FullReadDirResponse)
              shard.read(new FullReadDirRequest(root, newest, bytes("versions"), 0, limit, 0));
      assertEquals(limit, response.results().size());
      assertEquals(0, response.next().startName().length);
      assertTrue(response.results().getFirst().current());
    }
    // W17: the limit holds forwards too.
    FullReadDirResponse forwards =
        (FullReadDirResponse)
            shard.read(
                new FullReadDirRequest(
                    root, FullReadDirFlags.SAME_NAME, bytes("versions"), 0, 2, 0));
    assertEquals(2, forwards.results().size());
    shard.failsRead(
        ErrorCode.MALFORMED_REQUEST,
        new FullReadDirRequest(root, FullReadDirFlags.CURRENT, bytes("x"), 1, 0, 0));
    assertEquals(
        List.of(),
        ((FullReadDirResponse)
                shard.read(
                    new FullReadDirRequest(root, FullReadDirFlags.SAME_NAME, NO_NAME, 0, 0, 0)))
            .results());
    shard.failsRead(
        ErrorCode.DIRECTORY_NOT_FOUND,
        new FullReadDirRequest(shard.directory(9), 0, NO_NAME, 0, 0, 0));
  }

  /** Names that collide cannot be made here, so their edges are written under one hash. */
  @Test
  void collidingNamesExceedTheAskedSizeOrMoveOn() throws EggsException {
    for (int count : new int[] {8, 200}) {
      Harness crowded = new Harness(0, 4);
      for (int i = 0; i < count; i++) {
        byte[] name = new byte[250];
        Arrays.fill(name, (byte) 'x');
        name[0] = (byte) ('a' + i % 26);
        name[1] = (byte) ('a' + i / 26);
        byte[] key = EdgesTable.currentKey(0, root, name);
        Bytes.putLong(key, 11, 42);
        byte[] value = new byte[17];
        value[0] = 1;
        Bytes.putLong(value, 1, InodeIds.of(InodeIds.FILE, 1, 0));
        crowded.store.put(key, value);
      }
      crowded.link(crowded.construct(), root, "other");
      int seen = 0;
      boolean foundOther = false;
      long hash = 0;
      int pages = 0;
      do {
        ReadDirResponse response =
            (ReadDirResponse) crowded.read(new ReadDirRequest(root, hash, 1472));
        assertTrue(Frames.UDP_HEADER_SIZE + response.encodedSize() <= 8972);
        for (CurrentEdge edge : response.results()) {
          seen += edge.nameHash() == 42 ? 1 : 0;
          foundOther |= Arrays.equals(edge.name(), bytes("other"));
        }
        hash = response.nextHash();
        pages++;
      } while (hash != 0);
      assertTrue(foundOther && pages <= 3);
      assertTrue(count == 8 ? seen == 8 : seen > 20 && seen < count);
    }
  }

  @Test
  void visits() throws EggsException {
    for (int i = 1; i <= 300; i++) {
      shard.makeDirectory(i);
      shard.construct();
    }
    List<Long> directories = null;
    List<Long> files = null;
    List<TransientFile> transients = null;
    for (int mtu : MTUS) {
      List<Long> someDirectories = new ArrayList<>();
      for (long id = 0, next = -1; next != 0; id = next) {
        VisitDirectoriesResponse r =
            (VisitDirectoriesResponse) page(new VisitDirectoriesRequest(id, mtu), mtu);
        Arrays.stream(r.ids()).forEach(someDirectories::add);
        next = r.nextId();
      }
      List<Long> someFiles = new ArrayList<>();
      for (long id = 0, next = -1; next != 0; id = next) {
        VisitFilesResponse r = (VisitFilesResponse) page(new VisitFilesRequest(id, mtu), mtu);
        Arrays.stream(r.ids()).forEach(someFiles::add);
        next = r.nextId();
      }
      List<TransientFile> someTransients = new ArrayList<>();
      for (long id = 0, next = -1; next != 0; id = next) {
        VisitTransientFilesResponse r =
            (VisitTransientFilesResponse) page(new VisitTransientFilesRequest(id, mtu), mtu);
        someTransients.addAll(r.files());
        next = r.nextId();
      }
      directories = directories == null ? someDirectories : directories;
      files = files == null ? someFiles : files;
      transients = transients == null ? someTransients : transients;
      assertEquals(directories, someDirectories);
      assertEquals(files, someFiles);
      assertEquals(transients, someTransients);
    }
    assertEquals(301, directories.size());
    assertEquals(300, transients.size());
    assertTrue(files.size() > 200);
    assertEquals(files.stream().sorted().toList(), files);
  }

  @Test
  void spans() throws EggsException {
    ConstructFileResponse file = shard.construct();
    long offset = 0;
    for (int i = 0; i < 60; i++) {
      if (i % 3 == 0) {
        shard.write(padded(Harness.inline(file, offset, "x".repeat(100))));
        offset += 4096;
      } else {
        shard.addSpan(file, offset, i);
        offset += 8192;
      }
    }
    long size = offset;
    List<Long> whole = null;
    for (int mtu : MTUS) {
      List<Long> local = new ArrayList<>();
      for (long at = 0, next = -1; next != 0; at = next) {
        LocalFileSpansResponse r =
            (LocalFileSpansResponse) page(new LocalFileSpansRequest(file.id(), at, 0, mtu), mtu);
        r.spans().forEach(s -> local.add(s.header().byteOffset()));
        next = r.nextOffset();
      }
      List<Long> full = new ArrayList<>();
      for (long at = 0, next = -1; next != 0; at = next) {
        FileSpansResponse r =
            (FileSpansResponse) page(new FileSpansRequest(file.id(), at, 0, mtu), mtu);
        r.spans().forEach(s -> full.add(s.header().byteOffset()));
        next = r.nextOffset();
      }
      whole = whole == null ? local : whole;
      assertEquals(whole, local);
      assertEquals(whole, full);
    }
    assertEquals(60, whole.size());
    // Inside a span, at the end, behind the end, with a limit.
    assertEquals(4096, firstOffset(file.id(), 5000));
    assertEquals(size - 8192, firstOffset(file.id(), size));
    assertEquals(-1, firstOffset(file.id(), size + 1));
    assertEquals(-1, firstOffset(file.id(), -1));
    LocalFileSpansResponse limited =
        (LocalFileSpansResponse) shard.read(new LocalFileSpansRequest(file.id(), 0, 2, 0));
    assertEquals(2, limited.spans().size());
    assertEquals(0, limited.nextOffset());
    shard.failsRead(ErrorCode.BLOCK_IO_ERROR_FILE, new LocalFileSpansRequest(root, 0, 0, 0));
    shard.failsRead(
        ErrorCode.TYPE_IS_DIRECTORY,
        new FileSpansRequest(InodeIds.of(InodeIds.SYMLINK, 1, 0), 0, 0, 0));
    shard.failsRead(
        ErrorCode.FILE_NOT_FOUND,
        new FileSpansRequest(InodeIds.of(InodeIds.FILE, 1 << 20, 0), 0, 0, 0));
  }

  /** The same bytes followed by zeros up to a page. */
  private static AddInlineSpanRequest padded(AddInlineSpanRequest r) {
    return new AddInlineSpanRequest(
        r.fileId(),
        r.cookie(),
        r.storageClass(),
        r.byteOffset(),
        4096,
        Crc32c.zeroExtend(r.crc(), 4096 - r.body().length),
        r.body());
  }

  private long firstOffset(long file, long offset) throws EggsException {
    LocalFileSpansResponse r =
        (LocalFileSpansResponse) shard.read(new LocalFileSpansRequest(file, offset, 0, 0));
    return r.spans().isEmpty() ? -1 : r.spans().getFirst().header().byteOffset();
  }

  /** One span whose copies need more than the asked size, and one that no datagram holds. */
  @Test
  void aSpanOfManyCopiesIsSentNevertheless() throws EggsException {
    for (int copies : new int[] {3, 40}) {
      Harness wide = new Harness(0, 5);
      ConstructFileResponse file = wide.construct();
      List<Span.Location> locations = new ArrayList<>();
      for (int location = 0; location < copies; location++) {
        long[] services = new long[14];
        for (int i = 0; i < 14; i++) {
          services[i] = 10_000 + 14L * location + i;
        }
        locations.add(
            new Span.Location(
                location,
                StorageClass.HDD,
                Parity.of(10, 4),
                15,
                4096,
                services,
                services,
                new int[14],
                new int[15]));
      }
      SpansTable.put(wide.store, 0, file.id(), 0, Span.ofBlocks(1, 0, locations));
      FileSpansResponse r =
          (FileSpansResponse) wide.read(new FileSpansRequest(file.id(), 0, 0, 1472));
      assertEquals(1, r.spans().size());
      int size = Frames.UDP_HEADER_SIZE + r.encodedSize();
      assertTrue(size > 1472 && size <= 8972);
      int shown = ((FetchedLocations) r.spans().getFirst().body()).locations().size();
      assertTrue(copies == 3 ? shown == 3 : shown > 10 && shown < copies);
    }
  }

  @Test
  void blockServiceFiles() throws EggsException {
    shard.services = Harness.services(3, 0);
    List<Long> expected = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      ConstructFileResponse file = shard.construct();
      shard.addSpan(file, 0, i);
      expected.add(file.id());
    }
    List<Long> all = new ArrayList<>();
    long from = 0;
    while (true) {
      long[] ids =
          ((BlockServiceFilesResponse) shard.read(new BlockServiceFilesRequest(1, from))).fileIds();
      if (ids.length == 0) {
        break;
      }
      Arrays.stream(ids).forEach(all::add);
      from = all.getLast() + 1;
    }
    assertEquals(expected, all);
  }
}
