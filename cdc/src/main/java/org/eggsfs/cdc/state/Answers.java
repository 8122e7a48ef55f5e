package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * The answers given lately, so that a repeated request gets the same one (cdc.md section 13.8),
 * also after a restart. In memory by client, in table {@code answers} by number. Value: version u8,
 * time u64, client ip u32, port u16, request id u64, fingerprint u64, kind u8, error u16 (0 =
 * none), response body.
 */
final class Answers {
  private static final int VERSION = 1;
  private static final int FIXED_SIZE = 33;

  private final int countMax;
  private final long lifeNanos;

  /** Oldest first. */
  private final LinkedHashMap<ClientKey, GivenAnswer> byClient = new LinkedHashMap<>();

  Answers(int countMax, long lifeNanos) {
    this.countMax = countMax;
    this.lifeNanos = lifeNanos;
  }

  void load(View view) {
    Keys.forEach(view, Keys.ANSWERS, this::load);
  }

  private void load(long number, byte[] value) {
    ByteBuffer in = Keys.open(value, VERSION);
    long time = in.getLong();
    ClientKey client = EnqueuedTable.getKey(in);
    long fingerprint = in.getLong();
    int kind = in.get() & 0xff;
    int error = in.getShort() & 0xffff;
    CdcResponse response = null;
    if (error == 0) {
      response = CdcResponse.decode(kind, in);
      Frames.requireEnd(in);
    }
    byClient.putLast(
        client,
        new GivenAnswer(number, 0, time, fingerprint, kind, response, ErrorCode.ofCode(error)));
  }

  /** The answer that the same request got, or null. */
  GivenAnswer find(ClientKey client, long fingerprint) {
    GivenAnswer answer = byClient.get(client);
    return answer != null && answer.fingerprint() == fingerprint ? answer : null;
  }

  void put(WriteTarget target, ClientKey client, GivenAnswer answer) {
    GivenAnswer former = byClient.remove(client);
    if (former != null) {
      target.delete(Keys.of(Keys.ANSWERS, former.number()));
    }
    byClient.putLast(client, answer);
    int bodySize = answer.response() == null ? 0 : answer.response().encodedSize();
    ByteBuffer out = Keys.value(VERSION, FIXED_SIZE + bodySize);
    out.putLong(answer.time());
    EnqueuedTable.putKey(out, client);
    out.putLong(answer.fingerprint()).put((byte) answer.kind());
    if (answer.error() == null) {
      out.putShort((short) 0);
      answer.response().encode(out);
    } else {
      out.putShort((short) answer.error().code());
    }
    target.put(Keys.of(Keys.ANSWERS, answer.number()), Keys.bytes(out));
  }

  /** Forgets what is too old or too much. */
  void expire(WriteTarget target, long now) {
    while (!byClient.isEmpty()) {
      Map.Entry<ClientKey, GivenAnswer> oldest = byClient.firstEntry();
      if (byClient.size() <= countMax && now - oldest.getValue().time() <= lifeNanos) {
        return;
      }
      byClient.remove(oldest.getKey());
      target.delete(Keys.of(Keys.ANSWERS, oldest.getValue().number()));
    }
  }

  int size() {
    return byClient.size();
  }
}
