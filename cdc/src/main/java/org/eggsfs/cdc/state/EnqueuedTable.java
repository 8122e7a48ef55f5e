package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code enqueued}: every transaction that is not finished (cdc.md section 2). Key: its id.
 * Value: version u8, client ip u32, port u16, request id u64, fingerprint u64, fresh directory u64,
 * kind u8, request body.
 */
final class EnqueuedTable {
  private static final int VERSION = 1;
  private static final int FIXED_SIZE = 31;

  private EnqueuedTable() {}

  static void put(WriteTarget target, Transaction transaction) {
    ClientRequest client = transaction.client();
    CdcRequest request = client.request();
    ByteBuffer out = Keys.value(VERSION, FIXED_SIZE + request.encodedSize());
    putKey(out, client.key());
    out.putLong(client.fingerprint()).putLong(transaction.freshDirectory());
    out.put((byte) request.kind());
    request.encode(out);
    target.put(Keys.of(Keys.ENQUEUED, transaction.id()), Keys.bytes(out));
  }

  static void putKey(ByteBuffer out, ClientKey key) {
    out.putInt(key.ip()).putShort((short) key.port()).putLong(key.requestId());
  }

  static ClientKey getKey(ByteBuffer in) {
    int ip = in.getInt();
    int port = in.getShort() & 0xffff;
    return new ClientKey(ip, port, in.getLong());
  }

  /** The transaction of a row, not started. */
  static Transaction read(long id, byte[] value) {
    ByteBuffer in = Keys.open(value, VERSION);
    ClientKey key = getKey(in);
    long fingerprint = in.getLong();
    long freshDirectory = in.getLong();
    int kind = in.get() & 0xff;
    CdcRequest request = CdcRequest.decode(kind, in);
    Frames.requireEnd(in);
    return Transactions.of(id, new ClientRequest(key, fingerprint, request), freshDirectory);
  }

  static void delete(WriteTarget target, long id) {
    target.delete(Keys.of(Keys.ENQUEUED, id));
  }
}
