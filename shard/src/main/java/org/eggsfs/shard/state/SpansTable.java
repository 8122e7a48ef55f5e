package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.core.Parity;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code spans}. Key: file id, byte offset. Value: version u8, form u8, size u32, crc u32,
 * then
 *
 * <pre>
 * INLINE  body
 * BLOCKS  number of locations u8, each: location u8, class u8, parity u8, stripes u8, cell size u32,
 *         per block service u64, id u64, crc u32; per stripe crc u32
 * </pre>
 */
final class SpansTable {
  private static final int VERSION = 1;
  private static final int INLINE = 0;
  private static final int BLOCKS = 1;
  private static final int HEAD = 10;
  private static final int LOCATION_HEAD = 8;
  private static final int BLOCK = 20;

  private SpansTable() {}

  /** A span and where it lies. */
  record Placed(long offset, Span span) {
    long end() {
      return offset + span.size();
    }
  }

  static byte[] key(int shard, long file, long offset) {
    return Keys.of(shard, Keys.SPANS, file, offset);
  }

  /** Whether a key of the store is a span of the file that {@code anyKeyOfFile} belongs to. */
  static boolean isOf(byte[] key, byte[] anyKeyOfFile) {
    return Bytes.hasPrefix(key, anyKeyOfFile, Keys.PREFIX + 8);
  }

  /** A cursor for spans of that file alone. */
  static Cursor cursor(View view, int shard, long file) {
    return view.cursor(Arrays.copyOf(key(shard, file, 0), Keys.PREFIX + 8));
  }

  static long file(byte[] key) {
    return Keys.first(key);
  }

  static long offset(byte[] key) {
    return Keys.second(key);
  }

  /** The span that starts at that offset, or null. */
  static Span get(View view, int shard, long file, long offset) {
    byte[] value = view.get(key(shard, file, offset));
    return value == null ? null : decode(value);
  }

  /** The last span that starts at or before that offset, or null. */
  static Placed lastUpTo(View view, int shard, long file, long offset) {
    byte[] key = key(shard, file, offset);
    try (Cursor cursor = cursor(view, shard, file)) {
      cursor.seekForPrev(key);
      if (!cursor.isValid() || !isOf(cursor.key(), key)) {
        return null;
      }
      return new Placed(offset(cursor.key()), decode(cursor.value()));
    }
  }

  /** Whether the file has any span. */
  static boolean hasAny(View view, int shard, long file) {
    byte[] key = key(shard, file, 0);
    try (Cursor cursor = cursor(view, shard, file)) {
      cursor.seek(key);
      return cursor.isValid() && isOf(cursor.key(), key);
    }
  }

  static void put(WriteTarget target, int shard, long file, long offset, Span span) {
    target.put(key(shard, file, offset), encode(span));
  }

  static byte[] encode(Span span) {
    int size = HEAD;
    if (span.isInline()) {
      size += span.body().length;
    } else {
      size++;
      for (Span.Location location : span.locations()) {
        size += LOCATION_HEAD + BLOCK * location.count() + 4 * location.stripes();
      }
    }
    byte[] value = new byte[size];
    value[0] = VERSION;
    value[1] = (byte) (span.isInline() ? INLINE : BLOCKS);
    Bytes.putInt(value, 2, (int) span.size());
    Bytes.putInt(value, 6, span.crc());
    if (span.isInline()) {
      System.arraycopy(span.body(), 0, value, HEAD, span.body().length);
      return value;
    }
    value[HEAD] = (byte) span.locations().size();
    int at = HEAD + 1;
    for (Span.Location location : span.locations()) {
      at = putLocation(value, at, location);
    }
    return value;
  }

  private static int putLocation(byte[] value, int start, Span.Location location) {
    int at = start;
    value[at] = (byte) location.locationId();
    value[at + 1] = (byte) location.storageClass();
    value[at + 2] = (byte) location.parity();
    value[at + 3] = (byte) location.stripes();
    Bytes.putInt(value, at + 4, (int) location.cellSize());
    at += LOCATION_HEAD;
    for (int i = 0; i < location.count(); i++) {
      Bytes.putLong(value, at, location.services()[i]);
      Bytes.putLong(value, at + 8, location.blocks()[i]);
      Bytes.putInt(value, at + 16, location.crcs()[i]);
      at += BLOCK;
    }
    for (int crc : location.stripeCrcs()) {
      Bytes.putInt(value, at, crc);
      at += 4;
    }
    return at;
  }

  static Span decode(byte[] value) {
    Bytes.requireVersion(value, VERSION);
    long size = Bytes.getInt(value, 2) & 0xffff_ffffL;
    int crc = Bytes.getInt(value, 6);
    if (value[1] == INLINE) {
      return Span.inline(size, crc, Arrays.copyOfRange(value, HEAD, value.length));
    }
    int count = Bytes.getU8(value, HEAD);
    List<Span.Location> locations = new ArrayList<>(count);
    int at = HEAD + 1;
    for (int i = 0; i < count; i++) {
      Span.Location location = getLocation(value, at);
      locations.add(location);
      at += LOCATION_HEAD + BLOCK * location.count() + 4 * location.stripes();
    }
    return Span.ofBlocks(size, crc, locations);
  }

  private static Span.Location getLocation(byte[] value, int start) {
    int parity = Bytes.getU8(value, start + 2);
    int stripes = Bytes.getU8(value, start + 3);
    int count = Parity.blocks(parity);
    long[] services = new long[count];
    long[] blocks = new long[count];
    int[] crcs = new int[count];
    int[] stripeCrcs = new int[stripes];
    int at = start + LOCATION_HEAD;
    for (int i = 0; i < count; i++) {
      services[i] = Bytes.getLong(value, at);
      blocks[i] = Bytes.getLong(value, at + 8);
      crcs[i] = Bytes.getInt(value, at + 16);
      at += BLOCK;
    }
    for (int i = 0; i < stripes; i++) {
      stripeCrcs[i] = Bytes.getInt(value, at);
      at += 4;
    }
    return new Span.Location(
        Bytes.getU8(value, start),
        Bytes.getU8(value, start + 1),
        parity,
        stripes,
        Bytes.getInt(value, start + 4) & 0xffff_ffffL,
        services,
        blocks,
        crcs,
        stripeCrcs);
  }
}
