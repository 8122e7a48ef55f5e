package org.eggsfs.shuckle.state;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * For each shard the block services it may write new blocks to, of all locations and storage
 * classes.
 *
 * @param services ids by shard; not to be modified
 */
public record Assignment(long[][] services) {
  /** Before the first computation. */
  public static final Assignment EMPTY = new Assignment(new long[ProtocolConstants.SHARD_COUNT][0]);

  /** Checks that there is a list for every shard. */
  public Assignment {
    if (services.length != ProtocolConstants.SHARD_COUNT) {
      throw new IllegalArgumentException("assignment of " + services.length + " shards");
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Assignment that && Arrays.deepEquals(services, that.services);
  }

  @Override
  public int hashCode() {
    return Arrays.deepHashCode(services);
  }

  @Override
  public String toString() {
    return "Assignment" + Arrays.deepToString(services);
  }

  static Assignment load(View view) {
    long[][] services = new long[ProtocolConstants.SHARD_COUNT][0];
    Tables.scan(
        view,
        Tables.ASSIGNMENT,
        (key, value) -> {
          long[] ids = new long[value.remaining() / Long.BYTES];
          value.asLongBuffer().get(ids);
          services[key.get() & 0xff] = ids;
        });
    return new Assignment(services);
  }

  /** Writes the shards whose list differs from {@code previous}. */
  void store(Assignment previous, WriteTarget out) {
    for (int shard = 0; shard < services.length; shard++) {
      long[] ids = services[shard];
      if (Arrays.equals(ids, previous.services[shard])) {
        continue;
      }
      ByteBuffer value = Tables.value(ids.length * Long.BYTES);
      for (long id : ids) {
        value.putLong(id);
      }
      out.put(new byte[] {Tables.ASSIGNMENT, (byte) shard}, value.array());
    }
  }
}
