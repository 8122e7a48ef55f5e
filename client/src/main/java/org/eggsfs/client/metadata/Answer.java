package org.eggsfs.client.metadata;

import java.nio.ByteBuffer;
import java.util.function.Supplier;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * What came back for a metadata request (wire.md section 3): a response or an error, never both. An
 * answer that cannot be understood is the error MALFORMED_RESPONSE.
 */
public record Answer(Message response, EggsException failure) {
  private static final int ERROR_BODY_SIZE = 2;

  /**
   * Reads an answer from the bytes behind its header.
   *
   * @param fromCdc whether the CDC or a shard was asked
   * @param requestKind what was asked
   * @param kind the kind in the answer's header
   * @param request says, for people, what this should be an answer to
   */
  public static Answer decode(
      boolean fromCdc, int requestKind, int kind, ByteBuffer in, Supplier<String> request) {
    if (kind == ProtocolConstants.ERROR_KIND) {
      ErrorCode code =
          in.remaining() == ERROR_BODY_SIZE ? ErrorCode.ofCode(in.getShort() & 0xffff) : null;
      return code == null
          ? malformed(request, "an error of no known code or length")
          : new Answer(null, new EggsException(code));
    }
    if (kind != requestKind) {
      return malformed(request, "kind " + kind);
    }
    try {
      Message response = fromCdc ? CdcResponse.decode(kind, in) : ShardResponse.decode(kind, in);
      Frames.requireEnd(in);
      return new Answer(response, null);
    } catch (MalformedMessageException e) {
      return malformed(request, e.getMessage());
    }
  }

  private static Answer malformed(Supplier<String> request, String what) {
    return new Answer(
        null,
        new EggsException(
            ErrorCode.MALFORMED_RESPONSE, "answer to " + request.get() + ": " + what));
  }
}
