package org.eggsfs.shard.state;

import java.nio.ByteBuffer;
import java.util.List;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.Wire;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.SwapBlocksRequest;
import org.eggsfs.protocol.struct.FailureDomain;

/**
 * One step of a shard, self-contained: made by {@link ShardState#prepare} on the leader, applied by
 * {@link ShardState#apply} on every replica (shard.md sections 4.4, 10b). The local path hands the
 * object over; the byte form is for a replicated log.
 *
 * <p>Byte form, little-endian: version u8 = 1, time u64, order u64, form u8, then by form
 *
 * <pre>
 * 0 plain        deadline u64, kind u8, request body
 * 1 add span     kind u8, deadline u64, fileId u64, byteOffset u64, size u32, crc u32, location u8,
 *                class u8, parity u8, stripes u8, cellSize u32, []service, []block crc, []stripe crc
 * 2 certify      deadline u64, []service, []block id, verdicts bytes, kind u8, request body
 * 3 swap blocks  []service, []failure domain, kind u8, request body
 * </pre>
 *
 * with lists as in wire.md section 1; verdicts have a u16 length.
 *
 * @param time of everything the entry creates or touches
 * @param order the place of a request among those of a sender who numbers them in order, 0 for all
 *     others; see {@link RequestOrder}
 */
public record LogEntry(long time, long order, Operation operation) {
  private static final int VERSION = 1;
  private static final int FORM_PLAIN = 0;
  private static final int FORM_ADD_SPAN = 1;
  private static final int FORM_CERTIFY = 2;
  private static final int FORM_SWAP_BLOCKS = 3;

  /** Enough for what stands around a request body and the lists, whose bytes are counted apart. */
  private static final int FIXED_SIZE_MAX = 96;

  /** The same entry with its request's place. */
  public LogEntry withOrder(long place) {
    return new LogEntry(time, place, operation);
  }

  /** The kind number of the request behind the entry. */
  public int kind() {
    return operation.kind();
  }

  /** The byte form. */
  public byte[] encode() {
    ByteBuffer out = Frames.buffer(FIXED_SIZE_MAX + variableSize());
    out.put((byte) VERSION).putLong(time).putLong(order);
    switch (operation) {
      case Operation.Plain plain -> {
        out.put((byte) FORM_PLAIN).putLong(plain.deadline());
        putRequest(out, plain.request());
      }
      case Operation.AddSpan add -> {
        out.put((byte) FORM_ADD_SPAN);
        putAddSpan(out, add);
      }
      case Operation.Certify certify -> {
        out.put((byte) FORM_CERTIFY).putLong(certify.deadline());
        Wire.putLongs(out, certify.services());
        Wire.putLongs(out, certify.blocks());
        out.putShort((short) certify.verdicts().length).put(certify.verdicts());
        putRequest(out, certify.request());
      }
      case Operation.SwapBlocks swap -> {
        out.put((byte) FORM_SWAP_BLOCKS);
        Wire.putLongs(out, swap.services());
        Wire.putList(out, swap.failureDomains());
        putRequest(out, swap.request());
      }
    }
    byte[] bytes = new byte[out.position()];
    out.flip().get(bytes);
    return bytes;
  }

  private int variableSize() {
    return switch (operation) {
      case Operation.Plain plain -> plain.request().encodedSize();
      case Operation.AddSpan add ->
          8 * add.services().length + 4 * (add.blockCrcs().length + add.stripeCrcs().length);
      case Operation.Certify certify ->
          certify.request().encodedSize()
              + 16 * certify.services().length
              + certify.verdicts().length;
      case Operation.SwapBlocks swap ->
          swap.request().encodedSize() + (8 + 16) * swap.services().length;
    };
  }

  private static void putRequest(ByteBuffer out, ShardRequest request) {
    out.put((byte) request.kind());
    request.encode(out);
  }

  private static void putAddSpan(ByteBuffer out, Operation.AddSpan add) {
    out.put((byte) add.kind()).putLong(add.deadline()).putLong(add.fileId());
    out.putLong(add.byteOffset()).putInt((int) add.size()).putInt(add.crc());
    out.put((byte) add.locationId()).put((byte) add.storageClass()).put((byte) add.parity());
    out.put((byte) add.stripes()).putInt((int) add.cellSize());
    Wire.putLongs(out, add.services());
    Wire.putInts(out, add.blockCrcs());
    Wire.putInts(out, add.stripeCrcs());
  }

  /**
   * Reads the byte form.
   *
   * @throws MalformedMessageException if it is none
   */
  public static LogEntry decode(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    int version = Wire.getU8(in);
    if (version != VERSION) {
      throw new MalformedMessageException("log entry version " + version);
    }
    long time = Wire.getLong(in);
    long order = Wire.getLong(in);
    int form = Wire.getU8(in);
    Operation operation =
        switch (form) {
          case FORM_PLAIN -> {
            long deadline = Wire.getLong(in);
            yield new Operation.Plain(getRequest(in), deadline);
          }
          case FORM_ADD_SPAN -> getAddSpan(in);
          case FORM_CERTIFY -> {
            long deadline = Wire.getLong(in);
            long[] services = Wire.getLongs(in);
            long[] blocks = Wire.getLongs(in);
            byte[] verdicts = getVerdicts(in);
            yield new Operation.Certify(getRequest(in), deadline, services, blocks, verdicts);
          }
          case FORM_SWAP_BLOCKS -> {
            long[] services = Wire.getLongs(in);
            List<FailureDomain> domains = Wire.getList(in, 16, FailureDomain::decode);
            if (!(getRequest(in) instanceof SwapBlocksRequest request)) {
              throw new MalformedMessageException("log entry with another request");
            }
            yield new Operation.SwapBlocks(request, services, domains);
          }
          default -> throw new MalformedMessageException("log entry form " + form);
        };
    Frames.requireEnd(in);
    return new LogEntry(time, order, operation);
  }

  private static ShardRequest getRequest(ByteBuffer in) {
    return ShardRequest.decode(Wire.getU8(in), in);
  }

  private static byte[] getVerdicts(ByteBuffer in) {
    int length = Wire.getU16(in);
    if (length > in.remaining()) {
      throw new MalformedMessageException("truncated");
    }
    byte[] verdicts = new byte[length];
    in.get(verdicts);
    return verdicts;
  }

  private static Operation.AddSpan getAddSpan(ByteBuffer in) {
    return new Operation.AddSpan(
        Wire.getU8(in),
        Wire.getLong(in),
        Wire.getInodeId(in),
        Wire.getLong(in),
        Wire.getU32(in),
        Wire.getInt(in),
        Wire.getU8(in),
        Wire.getU8(in),
        Wire.getU8(in),
        Wire.getU8(in),
        Wire.getU32(in),
        Wire.getLongs(in),
        Wire.getInts(in),
        Wire.getInts(in));
  }
}
