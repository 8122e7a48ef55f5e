package org.eggsfs.fuse.kernel;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The other end of a connection, for tests: a socket that keeps packets apart as the device does.
 */
final class FakeKernel implements AutoCloseable {
  private static final int AF_UNIX = 1;
  private static final int SOCK_SEQPACKET = 5;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment state = Libc.newState(arena);
  private final int mine;
  private final int theirs;
  private long unique = 2;

  FakeKernel() throws IOException {
    MethodHandle socketpair =
        Linker.nativeLinker()
            .downcallHandle(
                Linker.nativeLinker().defaultLookup().findOrThrow("socketpair"),
                FunctionDescriptor.of(
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.ADDRESS));
    MemorySegment pair = arena.allocate(ValueLayout.JAVA_INT, 2);
    try {
      if ((int) socketpair.invokeExact(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) {
        throw new IOException("socketpair");
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    mine = pair.getAtIndex(ValueLayout.JAVA_INT, 0);
    theirs = pair.getAtIndex(ValueLayout.JAVA_INT, 1);
  }

  /** A session at the other end, after INIT. */
  FuseSession start(FuseOperations operations) throws IOException {
    ByteBuffer init = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    init.putInt(7).putInt(45).putInt(1 << 20).putInt(-1).putInt(-1);
    sendPacket(request(Abi.INIT, 1, 0, init.array()));
    FuseSession session = FuseSession.start(new FuseChannel(theirs), operations, 1, false);
    receive();
    return session;
  }

  /** A whole request with a correct header. */
  static byte[] request(int opcode, long unique, long node, byte[] body) {
    ByteBuffer out =
        ByteBuffer.allocate(Abi.IN_HEADER_SIZE + body.length).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(out.capacity()).putInt(opcode).putLong(unique).putLong(node);
    out.putInt(0).putInt(0).putInt((int) ProcessHandle.current().pid()).putInt(0);
    return out.put(body).array();
  }

  void sendPacket(byte[] packet) throws IOException {
    try (Arena mineOnly = Arena.ofConfined()) {
      MemorySegment bytes = mineOnly.allocateFrom(ValueLayout.JAVA_BYTE, packet);
      long written = Libc.write(Libc.newState(mineOnly), mine, bytes, packet.length);
      if (written != packet.length) {
        throw Libc.failure("write", (int) written);
      }
    }
  }

  /** Sends a request; its number. */
  long send(int opcode, long node, byte[] body) throws IOException {
    long number = unique;
    unique += 2;
    sendPacket(request(opcode, number, node, body));
    return number;
  }

  /** An answer: its error number, positive, and its body. */
  record Answer(long unique, int errno, ByteBuffer body) {}

  Answer receive() throws IOException {
    MemorySegment buffer = arena.allocate(FuseSession.DATA_SIZE_MAX + 4096L);
    long length = Libc.read(state, mine, buffer, buffer.byteSize());
    if (length < Abi.OUT_HEADER_SIZE) {
      throw new IOException("no answer: " + length);
    }
    ByteBuffer in = buffer.asSlice(0, length).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    int said = in.getInt(Abi.OUT_LEN);
    if (said != length) {
      throw new IOException("an answer of " + length + " bytes says " + said);
    }
    return new Answer(
        in.getLong(Abi.OUT_UNIQUE),
        -in.getInt(Abi.OUT_ERROR),
        in.slice(Abi.OUT_HEADER_SIZE, (int) length - Abi.OUT_HEADER_SIZE)
            .order(ByteOrder.LITTLE_ENDIAN));
  }

  /** Sends a request and waits for its answer. */
  Answer call(int opcode, long node, byte[] body) throws IOException {
    long number = send(opcode, node, body);
    Answer answer = receive();
    if (answer.unique != number) {
      throw new IOException("an answer to " + answer.unique + " instead of " + number);
    }
    return answer;
  }

  /** Unmounts. */
  @Override
  public void close() {
    Libc.close(mine);
  }
}
