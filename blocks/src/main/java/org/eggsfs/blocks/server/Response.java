package org.eggsfs.blocks.server;

import java.nio.ByteBuffer;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;

/** What a request is answered with. */
sealed interface Response {
  /** Lets go of what an answer holds that nobody will send. */
  default void dispose() {}

  /**
   * A complete frame.
   *
   * @param close ends the connection after it
   * @param error what it tells, null after success
   */
  record Frame(ByteBuffer bytes, boolean close, ErrorCode error) implements Response {}

  /** A frame head followed by pages of an open file, which the sender closes. */
  record Pages(
      BlockService service,
      BlockService.Opened file,
      int kind,
      long offset,
      long count,
      boolean withCrcs)
      implements Response {
    @Override
    public void dispose() {
      service.close(file);
    }
  }

  static Response of(int kind, Message body) {
    ByteBuffer bytes = Frames.buffer(Frames.BLOCKS_RESPONSE_HEADER_SIZE + body.encodedSize());
    Frames.putBlocksResponse(bytes, kind, body);
    return new Frame(bytes.flip(), false, null);
  }

  static Response error(ErrorCode error, boolean close) {
    ByteBuffer bytes = Frames.buffer(Frames.BLOCKS_ERROR_SIZE);
    Frames.putBlocksError(bytes, error);
    return new Frame(bytes.flip(), close, error);
  }
}
