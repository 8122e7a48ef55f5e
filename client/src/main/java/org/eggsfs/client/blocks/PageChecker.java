package org.eggsfs.client.blocks;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.eggsfs.protocol.ProtocolConstants;

/** Verifies pages on arrival. One per loop thread. */
final class PageChecker {
  private final CRC32C crc = new CRC32C();

  /** CRC-32C of the page that begins there; position and limit are left as they were. */
  int crcOf(ByteBuffer in, int start) {
    int position = in.position();
    int limit = in.limit();
    in.limit(start + ProtocolConstants.PAGE_SIZE).position(start);
    crc.reset();
    crc.update(in);
    in.limit(limit).position(position);
    return (int) crc.getValue();
  }
}
