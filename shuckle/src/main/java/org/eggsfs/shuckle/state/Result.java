package org.eggsfs.shuckle.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shuckle.ShuckleResponse;

/** What an entry answers its client: a response or an error, the other is null. */
public record Result(ShuckleResponse response, ErrorCode error) {
  static Result of(ShuckleResponse response) {
    return new Result(response, null);
  }

  static Result of(ErrorCode error) {
    return new Result(null, error);
  }
}
