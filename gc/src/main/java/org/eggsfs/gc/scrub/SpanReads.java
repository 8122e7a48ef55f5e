package org.eggsfs.gc.scrub;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.core.Crc32c;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.EggsException;

/**
 * Reads spans as users do and compares them with their CRC: the end-to-end check that no look at
 * single blocks replaces (gc.md section 11, item 13). Used by one thread.
 */
final class SpanReads implements AutoCloseable {
  private static final int CHUNK = 1 << 20;

  private final EggsClient client;
  private final long file;
  private FileReader reader;
  private ByteBuffer buffer;

  /** Nothing is opened before it is needed. */
  SpanReads(EggsClient client, long file) {
    this.client = client;
    this.file = file;
  }

  /**
   * Whether the span's bytes have the span's CRC.
   *
   * @throws IOException if they cannot be read
   */
  boolean matches(StoredSpan span) throws EggsException, IOException {
    if (reader == null) {
      reader = client.files().open(file);
      reader.hintSequential();
      buffer = ByteBuffer.allocate(CHUNK);
    }
    int crc = 0;
    for (long done = 0; done < span.size(); done += buffer.limit()) {
      buffer.clear().limit((int) Math.min(CHUNK, span.size() - done));
      reader.readFully(span.offset() + done, buffer);
      crc = Crc32c.sum(crc, buffer.flip());
    }
    return crc == span.crc();
  }

  @Override
  public void close() {
    if (reader != null) {
      reader.close();
    }
  }
}
