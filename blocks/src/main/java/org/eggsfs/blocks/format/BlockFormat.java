package org.eggsfs.blocks.format;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.eggsfs.blocks.disk.DiskFiles;
import org.eggsfs.core.Crc32c;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * The block file (blocks.md section 3.3): a sequence of records without header or trailer.
 *
 * <pre>
 * | 4096 data bytes | CRC-32C of them, u32 little-endian | 4096 data bytes | CRC | …
 * </pre>
 *
 * It is also what FetchBlockWithCrc sends, so reading needs no conversion.
 */
public final class BlockFormat {
  /** Data bytes of a record. */
  public static final int PAGE = ProtocolConstants.PAGE_SIZE;

  /** Bytes of a record on disk and on the wire. */
  public static final int RECORD = ProtocolConstants.PAGE_WITH_CRC_SIZE;

  /** Prefix of files that are being written. */
  public static final String TEMPORARY_PREFIX = "tmp.";

  /** Directories that the blocks are spread over. */
  public static final int SUB_DIRECTORIES = 256;

  private BlockFormat() {}

  /** Name of one of the {@link #SUB_DIRECTORIES}. */
  public static String subDirectory(int index) {
    return HexFormat.of().toHexDigits((byte) index);
  }

  /** Where the record of a page-aligned data offset starts. */
  public static long fileOffset(long dataOffset) {
    return dataOffset / PAGE * RECORD;
  }

  /** Whole pages in a file of that size. */
  public static long pages(long fileSize) {
    return fileSize / RECORD;
  }

  /**
   * Appends records for the pages in {@code data} to {@code out}.
   *
   * @param data a whole number of pages; consumed
   * @param crc the checksum of the data before, continued
   * @return the checksum including these pages
   */
  public static int putRecords(ByteBuffer data, ByteBuffer out, int crc) {
    if (data.remaining() % PAGE != 0) {
      throw new MalformedMessageException("not a whole number of pages");
    }
    int total = crc;
    while (data.hasRemaining()) {
      ByteBuffer page = data.slice(data.position(), PAGE);
      int pageCrc = Crc32c.sum(0, page);
      page.rewind();
      out.put(page);
      out.putInt(pageCrc);
      total = Crc32c.append(total, pageCrc, PAGE);
      data.position(data.position() + PAGE);
    }
    return total;
  }

  /**
   * Checks records.
   *
   * @param records a whole number of records; consumed
   * @param crc the checksum of the data before, continued
   * @return the checksum including these pages
   * @throws MalformedMessageException if a page does not match its CRC
   */
  public static int checkRecords(ByteBuffer records, int crc) {
    int total = crc;
    while (records.hasRemaining()) {
      int start = records.position();
      int pageCrc = Crc32c.sum(0, records.slice(start, PAGE));
      if (pageCrc != records.getInt(start + PAGE)) {
        throw new MalformedMessageException("page CRC");
      }
      total = Crc32c.append(total, pageCrc, PAGE);
      records.position(start + RECORD);
    }
    return total;
  }

  /**
   * Whether each page of a file matches its CRC, and all together match {@code crc}.
   *
   * @param chunk to read into, little-endian, at least one record large
   */
  public static boolean isSound(DiskFiles.File file, int crc, ByteBuffer chunk) throws IOException {
    long size = file.size();
    int step = chunk.capacity() / RECORD * RECORD;
    int total = 0;
    try {
      for (long position = 0; position < size; position += step) {
        chunk.clear().limit((int) Math.min(size - position, step));
        file.readFully(chunk, position);
        total = checkRecords(chunk.flip(), total);
      }
    } catch (MalformedMessageException e) {
      return false;
    }
    return total == crc;
  }

  /** Moves the data of records together, dropping the CRCs; returns the data bytes. */
  public static int stripCrcs(ByteBuffer records, int start, int length) {
    int to = start;
    for (int from = start; from < start + length; from += RECORD) {
      if (from != to) {
        records.put(to, records, from, PAGE);
      }
      to += PAGE;
    }
    return to - start;
  }
}
