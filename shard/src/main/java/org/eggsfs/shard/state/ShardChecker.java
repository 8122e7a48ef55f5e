package org.eggsfs.shard.state;

import java.util.Arrays;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.NameHash;
import org.eggsfs.core.Names;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanCrcs;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.View;

/**
 * Checks everything that must hold inside one shard (shard.md section 17, P1 to P13). Pure: reads a
 * view, writes findings. Memory: eight bytes per block of the shard, for finding ids used twice.
 */
public final class ShardChecker {
  /** Number of location ids, a byte. */
  private static final int LOCATIONS = 256;

  private final View view;
  private final int shard;
  private final BlockServices blockServices;
  private final Findings findings;

  private final LongMap fileBlocks = new LongMap();
  private long[] blockIds = new long[64];
  private int blockCount;
  private long lastBlock;
  private long serviceFilePairs;
  private long appliedTime;

  private ShardChecker(View view, int shard, BlockServices blockServices, Findings findings) {
    this.view = view;
    this.shard = shard;
    this.blockServices = blockServices;
    this.findings = findings;
  }

  /**
   * Checks one shard.
   *
   * @param blockServices for the failure domains of those services that it knows
   */
  public static void check(View view, int shard, BlockServices blockServices, Findings findings) {
    if (!ShardState.isInitialized(view, shard)) {
      findings.add("P1", "shard " + shard + " is not initialised");
      return;
    }
    new ShardChecker(view, shard, blockServices, findings).run();
  }

  private void run() {
    lastBlock = MetaTable.lastBlock(view, shard);
    appliedTime = MetaTable.applied(view, shard).time();
    checkFiles();
    checkTransientFiles();
    checkOrphanSpans();
    checkBlockIds();
    checkServiceFiles();
    checkDirectories();
    checkEdges();
  }

  /** One row of a table. */
  private interface RowVisitor {
    void visit(byte[] key, byte[] value);
  }

  private void forEach(int table, RowVisitor visitor) {
    byte[] prefix = Keys.start(shard, table, Keys.PREFIX);
    try (Cursor cursor = view.cursor()) {
      cursor.seek(prefix);
      while (cursor.isValid() && Bytes.hasPrefix(cursor.key(), prefix, prefix.length)) {
        visitor.visit(cursor.key(), cursor.value());
        cursor.next();
      }
    }
  }

  private static String id(long id) {
    return InodeIds.format(id);
  }

  private void checkFiles() {
    forEach(
        Keys.FILES,
        (key, value) -> {
          long id = Keys.first(key);
          checkFileId(id);
          findings.require(
              view.get(TransientTable.key(shard, id)) == null,
              "P1",
              id(id) + " is both linked and transient");
          checkSpans(id, FilesTable.decode(value).size(), SpanState.CLEAN);
        });
  }

  private void checkTransientFiles() {
    forEach(
        Keys.TRANSIENT,
        (key, value) -> {
          long id = Keys.first(key);
          checkFileId(id);
          TransientTable.Row row = TransientTable.decode(id, value);
          checkSpans(id, row.size, row.lastSpanState);
        });
  }

  private void checkFileId(long id) {
    int type = InodeIds.type(id);
    boolean good =
        InodeIds.isValid(id)
            && InodeIds.shard(id) == shard
            && (type == InodeIds.FILE || type == InodeIds.SYMLINK);
    findings.require(good, "P1", id(id) + " is no id of a file of shard " + shard);
    findings.require(
        !good || id <= MetaTable.lastInode(view, shard, type),
        "P1",
        id(id) + " was never given out");
  }

  /** P2, P4 and, through the blocks, P5 to P8. */
  private void checkSpans(long file, long size, SpanState lastState) {
    fileBlocks.clear();
    byte[] start = SpansTable.key(shard, file, 0);
    long expected = 0;
    Span last = null;
    try (Cursor cursor = view.cursor()) {
      cursor.seek(start);
      while (cursor.isValid() && SpansTable.isOf(cursor.key(), start)) {
        long offset = SpansTable.offset(cursor.key());
        last = SpansTable.decode(cursor.value());
        findings.require(
            offset == expected,
            "P2",
            id(file) + " has a span at " + offset + " instead of " + expected);
        findings.require(
            offset % ProtocolConstants.PAGE_SIZE == 0,
            "P2",
            id(file) + " has a span at " + offset + " off a page boundary");
        findings.require(
            last.size() > 0, "P2", id(file) + " has a span without bytes at " + offset);
        checkSpan(file, offset, last);
        expected = offset + last.size();
        cursor.next();
      }
    }
    findings.require(
        expected == size, "P2", id(file) + " has size " + size + " and spans up to " + expected);
    findings.require(
        lastState == SpanState.CLEAN || (last != null && !last.isInline()),
        "P4",
        id(file) + " is " + lastState + " without a last span of blocks");
    fileBlocks.forEachKey(
        service -> {
          serviceFilePairs++;
          long counted = fileBlocks.get(service, 0);
          long stored = BlockServiceFilesTable.get(view, shard, service, file);
          findings.require(
              counted == stored,
              "P6",
              id(file)
                  + " has "
                  + counted
                  + " blocks on service "
                  + Long.toUnsignedString(service)
                  + ", the index says "
                  + stored);
        });
  }

  private void checkSpan(long file, long offset, Span span) {
    String where = id(file) + " span at " + offset;
    if (span.isInline()) {
      int length = span.body().length;
      findings.require(
          length <= span.size() && length <= ProtocolConstants.MAX_BYTES_LENGTH,
          "P7",
          where + " has an inline body of " + length + " bytes");
      int crc = Crc32c.zeroExtend(Crc32c.sum(0, span.body(), 0, length), span.size() - length);
      findings.require(crc == span.crc(), "P8", where + " has a wrong CRC");
      return;
    }
    findings.require(!span.locations().isEmpty(), "P7", where + " has no location");
    boolean[] seen = new boolean[LOCATIONS];
    for (Span.Location location : span.locations()) {
      if (seen[location.locationId()]) {
        findings.add("P7", where + " has location " + location.locationId() + " twice");
      }
      seen[location.locationId()] = true;
      checkLocation(file, where, span, location);
    }
  }

  private void checkLocation(long file, String where, Span span, Span.Location location) {
    for (int i = 0; i < location.count(); i++) {
      fileBlocks.add(location.services()[i], 1);
      addBlock(location.blocks()[i], where);
      for (int j = 0; j < i; j++) {
        checkApart(where, location.services()[j], location.services()[i]);
      }
    }
    boolean shaped =
        location.stripes() >= 1
            && location.stripes() <= ProtocolConstants.MAX_STRIPES
            && Parity.data(location.parity()) >= 1;
    findings.require(shaped, "P8", where + " has no stripes or no data blocks");
    findings.require(
        !shaped
            || SpanCrcs.spanCrc(
                    location.stripeCrcs(),
                    Parity.data(location.parity()),
                    location.cellSize(),
                    span.size())
                == span.crc(),
        "P8",
        where + " has a CRC that is not the one of its stripes, file " + id(file));
  }

  private void checkApart(String where, long service1, long service2) {
    if (service1 == service2) {
      findings.add("P7", where + " has two blocks on one service");
      return;
    }
    BlockServices.Service known1 = blockServices.get(service1);
    BlockServices.Service known2 = blockServices.get(service2);
    if (known1 != null && known2 != null && known1.sharesDomain(known2)) {
      findings.add("P7", where + " has two blocks in one failure domain");
    }
  }

  private void addBlock(long block, String where) {
    if ((block & 0xff) != shard || block > lastBlock) {
      findings.add("P5", where + " has block " + block + ", which this shard did not give out");
    }
    if (blockCount == blockIds.length) {
      blockIds = Arrays.copyOf(blockIds, 2 * blockCount);
    }
    blockIds[blockCount++] = block;
  }

  private void checkBlockIds() {
    Arrays.sort(blockIds, 0, blockCount);
    for (int i = 1; i < blockCount; i++) {
      findings.require(
          blockIds[i] != blockIds[i - 1], "P5", "block " + blockIds[i] + " is in two spans");
    }
  }

  private void checkOrphanSpans() {
    long[] previous = {InodeIds.NULL};
    forEach(
        Keys.SPANS,
        (key, value) -> {
          long file = SpansTable.file(key);
          if (file != previous[0]) {
            previous[0] = file;
            findings.require(
                view.get(FilesTable.key(shard, file)) != null
                    || view.get(TransientTable.key(shard, file)) != null,
                "P3",
                id(file) + " has spans but does not exist");
          }
        });
  }

  /** Each pair that was counted had its row compared; so only the number of rows is left. */
  private void checkServiceFiles() {
    long[] rows = {0};
    forEach(
        Keys.BLOCK_SERVICE_FILES,
        (key, value) -> {
          rows[0]++;
          findings.require(
              BlockServiceFilesTable.decode(value) > 0,
              "P6",
              "the index counts no block for " + id(BlockServiceFilesTable.file(key)));
        });
    findings.require(
        rows[0] == serviceFilePairs,
        "P6",
        "the index has " + rows[0] + " rows, the spans give " + serviceFilePairs);
  }

  private void checkDirectories() {
    forEach(
        Keys.DIRECTORIES,
        (key, value) -> {
          long id = Keys.first(key);
          DirectoriesTable.Row row = new DirectoriesTable.Row(id, value);
          findings.require(
              InodeIds.isValid(id) && InodeIds.isDirectory(id) && InodeIds.shard(id) == shard,
              "P1",
              id(id) + " is no id of a directory of shard " + shard);
          findings.require(
              row.hashMode() == DirectoriesTable.HASH_MODE,
              "P9",
              id(id) + " has hash mode " + row.hashMode());
          findings.require(
              row.mtime() <= appliedTime, "P11", id(id) + " has an mtime from the future");
        });
  }

  private void checkEdges() {
    DirectoriesTable.Row[] directory = {null};
    byte[][] previous = {null, null};
    forEach(
        Keys.EDGES,
        (key, value) -> {
          long id = EdgesTable.directory(key);
          if (previous[0] == null || EdgesTable.directory(previous[0]) != id) {
            directory[0] = DirectoriesTable.get(view, shard, id);
            findings.require(directory[0] != null, "P10", id(id) + " has edges but does not exist");
          }
          checkEdge(directory[0], key, value);
          if (!EdgesTable.isCurrent(key)) {
            checkDeletion(key, value, previous[0], previous[1]);
          }
          previous[0] = key;
          previous[1] = value;
        });
  }

  private void checkEdge(DirectoriesTable.Row directory, byte[] key, byte[] value) {
    byte[] name = EdgesTable.name(key);
    long target = InodeIds.withoutExtra(EdgesTable.targetExtra(value));
    boolean flag = InodeIds.extra(EdgesTable.targetExtra(value));
    boolean current = EdgesTable.isCurrent(key);
    long time = EdgesTable.creationTime(key, value);
    String where = "an edge of " + id(EdgesTable.directory(key)) + " made at " + time;
    findings.require(Names.isValid(name), "P9", where + " has an invalid name");
    findings.require(
        EdgesTable.hash(key) == NameHash.hash(name), "P9", where + " has a wrong name hash");
    if (directory != null) {
      findings.require(
          time <= directory.mtime(), "P11", where + " is younger than the directory's mtime");
      findings.require(
          !current || !directory.isSnapshot(), "P10", where + " is current, the directory is not");
    }
    if (current) {
      findings.require(target != InodeIds.NULL, "P12", where + " has no target");
      checkYoungest(key, name, time, where);
    } else {
      findings.require(
          !flag || (target != InodeIds.NULL && !InodeIds.isDirectory(target)),
          "P12",
          where + " is owned without a file");
      findings.require(
          flag || !EdgesTable.isCondemned(value), "P12", where + " is condemned and not owned");
    }
  }

  /** P11: the current edge is younger than every snapshot edge of the name. */
  private void checkYoungest(byte[] currentKey, byte[] name, long time, String where) {
    long directory = EdgesTable.directory(currentKey);
    byte[] start = EdgesTable.snapshotKey(shard, directory, name, time);
    byte[] prefix = EdgesTable.nameKey(shard, directory, EdgesTable.SNAPSHOT, name);
    try (Cursor cursor = view.cursor()) {
      cursor.seek(start);
      findings.require(
          !cursor.isValid() || !Bytes.hasPrefix(cursor.key(), prefix, prefix.length),
          "P11",
          where + " is not the youngest of its name");
    }
  }

  /** P13, which holds at creation only: collection may take away what was before. */
  private void checkDeletion(byte[] key, byte[] value, byte[] previousKey, byte[] previousValue) {
    boolean isNewDeletion =
        EdgesTable.targetExtra(value) == InodeIds.NULL
            && EdgesTable.snapshotTime(key) == appliedTime;
    if (isNewDeletion) {
      boolean follows =
          previousKey != null
              && Bytes.hasPrefix(previousKey, key, key.length - 8)
              && EdgesTable.targetExtra(previousValue) != InodeIds.NULL;
      findings.require(
          follows,
          "P13",
          "a deletion in " + id(EdgesTable.directory(key)) + " ends no earlier edge");
    }
  }
}
