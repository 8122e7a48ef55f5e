package org.eggsfs.fuse.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A session against a kernel that we play ourselves. */
@Timeout(60)
class FuseSessionTest {
  private interface Handler {
    Object handle(String method, Object[] arguments);
  }

  /** Operations that all go to one handler; the session's own ones do nothing. */
  private static FuseOperations operations(Handler handler) {
    return (FuseOperations)
        Proxy.newProxyInstance(
            FuseOperations.class.getClassLoader(),
            new Class<?>[] {FuseOperations.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "started", "ended" -> null;
                  default -> handler.handle(method.getName(), arguments);
                });
  }

  private static FuseOperations refusing(int errno) {
    return operations(
        (method, arguments) -> {
          if (!method.equals("forget")) {
            ((FuseRequest) arguments[0]).error(errno);
          }
          return null;
        });
  }

  private static byte[] name(String text) {
    return (text + "\0").getBytes(StandardCharsets.UTF_8);
  }

  private static ByteBuffer body(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void unknownOperationsAreNotImplemented() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(refusing(Errno.EPERM));
      assertEquals(Errno.ENOSYS, kernel.call(4711, 1, new byte[0]).errno());
      assertEquals(Errno.ENOSYS, kernel.call(0, 1, new byte[100]).errno());
      assertEquals(Errno.ENOTTY, kernel.call(Abi.IOCTL, 1, new byte[32]).errno());
    }
  }

  @Test
  void shortBodiesAndNamesWithoutEndAreInvalid() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(refusing(Errno.EPERM));
      for (int opcode :
          new int[] {
            Abi.LOOKUP, Abi.GETATTR, Abi.SETATTR, Abi.SYMLINK, Abi.MKNOD, Abi.MKDIR, Abi.UNLINK,
            Abi.RMDIR, Abi.RENAME, Abi.RENAME2, Abi.LINK, Abi.OPEN, Abi.CREATE, Abi.TMPFILE,
            Abi.READ, Abi.WRITE, Abi.RELEASE, Abi.FSYNC, Abi.GETXATTR, Abi.LISTXATTR, Abi.FLUSH,
            Abi.READDIR, Abi.READDIRPLUS, Abi.RELEASEDIR, Abi.ACCESS, Abi.FALLOCATE, Abi.LSEEK
          }) {
        assertEquals(Errno.EINVAL, kernel.call(opcode, 1, new byte[0]).errno(), "opcode " + opcode);
        assertEquals(Errno.EINVAL, kernel.call(opcode, 1, new byte[3]).errno(), "opcode " + opcode);
      }
      byte[] endless = "abc".getBytes(StandardCharsets.UTF_8);
      assertEquals(Errno.EINVAL, kernel.call(Abi.LOOKUP, 1, endless).errno());
      assertEquals(Errno.EPERM, kernel.call(Abi.LOOKUP, 1, name("abc")).errno());
    }
  }

  @Test
  void sizesAndOffsetsThatCannotBeAreInvalid() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(refusing(Errno.EPERM));
      ByteBuffer read = body(Abi.READ_IN_SIZE);
      read.putLong(8, -1);
      assertEquals(Errno.EINVAL, kernel.call(Abi.READ, 1, read.array()).errno());
      read.putLong(8, 0).putInt(16, -5);
      assertEquals(Errno.EINVAL, kernel.call(Abi.READ, 1, read.array()).errno());
      ByteBuffer write = body(Abi.WRITE_IN_SIZE + 10);
      write.putInt(16, 11);
      assertEquals(Errno.EINVAL, kernel.call(Abi.WRITE, 1, write.array()).errno());
      write.putInt(16, 10);
      assertEquals(Errno.EPERM, kernel.call(Abi.WRITE, 1, write.array()).errno());
    }
  }

  @Test
  void fieldsArriveAsTheyWereSent() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      StringBuilder seen = new StringBuilder();
      kernel.start(
          operations(
              (method, a) -> {
                switch (method) {
                  case "rename" ->
                      seen.append(
                          a[1]
                              + new String((byte[]) a[2], StandardCharsets.UTF_8)
                              + a[3]
                              + new String((byte[]) a[4], StandardCharsets.UTF_8)
                              + a[5]);
                  case "write" -> {
                    byte[] data = new byte[((ByteBuffer) a[4]).remaining()];
                    ((ByteBuffer) a[4]).get(data);
                    seen.append(
                        a[1] + "/" + a[2] + "/" + a[3] + "/" + data.length + data[1] + a[5]);
                    ((FuseRequest) a[0]).written(data.length);
                    return null;
                  }
                  default -> seen.append(method);
                }
                ((FuseRequest) a[0]).ok();
                return null;
              }));
      ByteBuffer rename = body(Abi.RENAME2_IN_SIZE + 8);
      rename.putLong(7).putInt(1).putInt(0).put(name("old")).put(name("new"));
      assertEquals(0, kernel.call(Abi.RENAME2, 5, rename.array()).errno());
      assertEquals("5old7new1", seen.toString());
      seen.setLength(0);
      ByteBuffer write = body(Abi.WRITE_IN_SIZE + 2);
      write.putLong(9).putLong(1L << 40).putInt(2).putInt(1);
      write.put(Abi.WRITE_IN_SIZE + 1, (byte) 42);
      FakeKernel.Answer answer = kernel.call(Abi.WRITE, 6, write.array());
      assertEquals(2, answer.body().getInt(0));
      assertEquals("6/9/" + (1L << 40) + "/242true", seen.toString());
    }
  }

  @Test
  void forgetsAreCountedAndNotAnswered() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      AtomicLong forgotten = new AtomicLong();
      kernel.start(
          operations(
              (method, a) -> {
                if (method.equals("forget")) {
                  forgotten.addAndGet((long) a[0] * (long) a[1]);
                } else {
                  ((FuseRequest) a[0]).ok();
                }
                return null;
              }));
      kernel.send(Abi.FORGET, 3, body(8).putLong(2).array());
      ByteBuffer batch = body(Abi.BATCH_FORGET_IN_SIZE + 2 * Abi.FORGET_ONE_SIZE);
      batch.putInt(2).putInt(0).putLong(10).putLong(1).putLong(100).putLong(3);
      kernel.send(Abi.BATCH_FORGET, 0, batch.array());
      // Says more than it holds: nothing must come of it.
      kernel.send(Abi.BATCH_FORGET, 0, body(8).putInt(1_000_000).array());
      assertEquals(0, kernel.call(Abi.FSYNCDIR, 1, new byte[0]).errno());
      assertEquals(6 + 10 + 300, forgotten.get());
    }
  }

  @Test
  void anExceptionOfTheFileSystemIsAnInputOutputError() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(
          operations(
              (method, a) -> {
                throw new IllegalStateException("on purpose");
              }));
      assertEquals(Errno.EIO, kernel.call(Abi.STATFS, 1, new byte[0]).errno());
      assertEquals(Errno.EIO, kernel.call(Abi.STATFS, 1, new byte[0]).errno());
    }
  }

  @Test
  void ofSeveralAnswersTheFirstCounts() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(
          operations(
              (method, a) -> {
                FuseRequest request = (FuseRequest) a[0];
                request.bytes(new byte[] {1, 2, 3});
                request.error(Errno.EIO);
                assertFalse(request.entry(Entry.negative(0)));
                return null;
              }));
      FakeKernel.Answer answer = kernel.call(Abi.READLINK, 1, new byte[0]);
      byte[] target = new byte[answer.body().remaining()];
      answer.body().get(target);
      assertArrayEquals(new byte[] {1, 2, 3}, target);
      assertEquals(3, kernel.call(Abi.READLINK, 1, new byte[0]).body().remaining());
    }
  }

  @Test
  void anExtendedAttributeThatDoesNotFitIsOutOfRange() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(
          operations(
              (method, a) -> {
                ((FuseRequest) a[0]).attributeValue(new byte[10], (int) a[3]);
                return null;
              }));
      ByteBuffer get = body(Abi.GETXATTR_IN_SIZE + 2).putInt(0, 0);
      get.put(8, (byte) 'x');
      assertEquals(10, kernel.call(Abi.GETXATTR, 1, get.array()).body().getInt(0));
      get.putInt(0, 9);
      assertEquals(Errno.ERANGE, kernel.call(Abi.GETXATTR, 1, get.array()).errno());
      get.putInt(0, 10);
      assertEquals(10, kernel.call(Abi.GETXATTR, 1, get.array()).body().remaining());
    }
  }

  @Test
  void noiseIsAnsweredOrIgnoredAndHarmsNobody() throws Exception {
    long seed = 20_261_124;
    Random random = new Random(seed);
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(refusing(Errno.EPERM));
      for (int i = 0; i < 3_000; i++) {
        byte[] body = new byte[random.nextInt(200)];
        random.nextBytes(body);
        int opcode = random.nextInt(60);
        boolean silent =
            opcode == Abi.FORGET
                || opcode == Abi.BATCH_FORGET
                || (opcode == Abi.INTERRUPT && body.length < Abi.INTERRUPT_IN_SIZE);
        long number = kernel.send(opcode, random.nextLong(), body);
        if (!silent) {
          FakeKernel.Answer answer = kernel.receive();
          assertEquals(number, answer.unique());
          assertTrue(answer.errno() >= 0 && answer.errno() < 4096, "seed " + seed);
        }
        // Packets that are no requests at all.
        byte[] noise = new byte[1 + random.nextInt(100)];
        random.nextBytes(noise);
        kernel.sendPacket(noise);
      }
      assertEquals(Errno.EPERM, kernel.call(Abi.STATFS, 1, new byte[0]).errno());
    }
  }

  @Test
  void aProcessThatIsNotBeingKilledWaitsOnAfterAnInterrupt() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      CompletableFuture<FuseRequest> waiting = new CompletableFuture<>();
      kernel.start(
          operations(
              (method, a) -> {
                if (method.equals("statfs")) {
                  waiting.complete((FuseRequest) a[0]);
                } else {
                  ((FuseRequest) a[0]).ok();
                }
                return null;
              }));
      long number = kernel.send(Abi.STATFS, 1, new byte[0]);
      FuseRequest request = waiting.get();
      kernel.send(Abi.INTERRUPT, 0, body(8).putLong(number).array());
      // Its sender is this very process, which lives: the next answer is not that of STATFS.
      assertEquals(0, kernel.call(Abi.FSYNCDIR, 1, new byte[0]).errno());
      request.error(Errno.ENOSPC);
      FakeKernel.Answer answer = kernel.receive();
      assertEquals(number, answer.unique());
      assertEquals(Errno.ENOSPC, answer.errno());
    }
  }

  @Test
  void anInterruptThatComesBeforeItsRequestIsAskedForAgain() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(operations((_, _) -> null));
      kernel.send(Abi.INTERRUPT, 0, body(8).putLong(4242).array());
      assertEquals(Errno.EAGAIN, kernel.receive().errno());
    }
  }

  @Test
  void aChangeOfAForeignProcessIsNotGivenUpForASignal() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      CompletableFuture<FuseRequest> waiting = new CompletableFuture<>();
      kernel.start(
          operations(
              (_, a) -> {
                waiting.complete((FuseRequest) a[0]);
                return null;
              }));
      byte[] request = FakeKernel.request(Abi.FLUSH, 1000, 1, new byte[Abi.FLUSH_IN_SIZE]);
      ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN).putInt(Abi.IN_PID, 0);
      kernel.sendPacket(request);
      FuseRequest flush = waiting.get();
      kernel.send(Abi.INTERRUPT, 0, body(8).putLong(1000).array());
      // The reader takes one after the other: when this is answered, that was dealt with.
      kernel.send(Abi.INTERRUPT, 0, body(8).putLong(4242).array());
      assertEquals(Errno.EAGAIN, kernel.receive().errno());
      assertFalse(flush.isAnswered());
      flush.ok();
      assertEquals(0, kernel.receive().errno());
    }
  }

  @Test
  void memoryIsNotKeptForWhatHasBeenAnswered() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      CompletableFuture<FuseRequest> waiting = new CompletableFuture<>();
      kernel.start(
          operations(
              (_, a) -> {
                waiting.complete((FuseRequest) a[0]);
                return null;
              }));
      kernel.send(Abi.STATFS, 1, new byte[0]);
      FuseRequest request = waiting.get();
      request.error(Errno.EINTR);
      assertEquals(Errno.EINTR, kernel.receive().errno());
      assertFalse(request.keep(MemorySegment.NULL));
    }
  }

  @Test
  void aWaitOfAForeignProcessEndsAtTheInterrupt() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      CompletableFuture<FuseRequest> waiting = new CompletableFuture<>();
      kernel.start(
          operations(
              (method, a) -> {
                waiting.complete((FuseRequest) a[0]);
                return null;
              }));
      byte[] request = FakeKernel.request(Abi.STATFS, 1000, 1, new byte[0]);
      ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN).putInt(Abi.IN_PID, 0);
      kernel.sendPacket(request);
      waiting.get();
      kernel.send(Abi.INTERRUPT, 0, body(8).putLong(1000).array());
      assertEquals(Errno.EINTR, kernel.receive().errno());
    }
  }

  @Test
  void aCancelledRequestInterruptsItsThread() throws Exception {
    try (FakeKernel kernel = new FakeKernel()) {
      CompletableFuture<Thread> runner = new CompletableFuture<>();
      kernel.start(
          operations(
              (method, a) -> {
                FuseRequest request = (FuseRequest) a[0];
                Thread thread =
                    Thread.ofVirtual()
                        .unstarted(
                            () -> {
                              try {
                                Thread.sleep(TimeUnit.MINUTES.toMillis(10));
                              } catch (InterruptedException e) {
                                request.error(Errno.EINTR);
                              }
                            });
                request.runOn(thread);
                thread.start();
                runner.complete(thread);
                return null;
              }));
      byte[] request = FakeKernel.request(Abi.STATFS, 1000, 1, new byte[0]);
      ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN).putInt(Abi.IN_PID, 0);
      kernel.sendPacket(request);
      kernel.send(Abi.INTERRUPT, 0, body(8).putLong(1000).array());
      assertEquals(Errno.EINTR, kernel.receive().errno());
      assertTrue(runner.get().join(java.time.Duration.ofSeconds(30)));
    }
  }

  @Test
  void theSessionEndsWithTheConnection() throws Exception {
    FuseSession session;
    try (FakeKernel kernel = new FakeKernel()) {
      session = kernel.start(refusing(Errno.EPERM));
    }
    assertTrue(session.awaitEnd(30, TimeUnit.SECONDS));
  }

  @Test
  void directoryPagesHaveTheKernelsLayout() throws IOException {
    try (FakeKernel kernel = new FakeKernel()) {
      kernel.start(
          operations(
              (method, a) -> {
                FuseRequest request = (FuseRequest) a[0];
                DirectoryPage page = request.page((int) a[4], (boolean) a[5]);
                for (int i = 0; page.fits(3); i++) {
                  page.add(
                      "abc".getBytes(StandardCharsets.UTF_8),
                      100 + i,
                      i,
                      DirectoryPage.DT_REG,
                      null);
                }
                request.page(page);
                return null;
              }));
      ByteBuffer read = body(Abi.READ_IN_SIZE).putInt(16, 100);
      ByteBuffer page = kernel.call(Abi.READDIR, 1, read.array()).body();
      assertEquals(96, page.remaining(), "three entries of 32 bytes");
      assertEquals(101, page.getLong(32));
      assertEquals(1, page.getLong(40));
      assertEquals(3, page.getInt(48));
      assertEquals(DirectoryPage.DT_REG, page.getInt(52));
      assertEquals('a', page.get(56));
      read.putInt(16, 512);
      assertEquals(
          3 * (Abi.DIRENTPLUS_HEADER_SIZE + 8),
          kernel.call(Abi.READDIRPLUS, 1, read.array()).body().remaining());
    }
  }
}
