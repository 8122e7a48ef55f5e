package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.BlocksRequest;
import org.eggsfs.protocol.blocks.CheckBlockRequest;
import org.eggsfs.protocol.blocks.CheckBlockResponse;
import org.eggsfs.protocol.blocks.EraseBlockRequest;
import org.eggsfs.protocol.blocks.EraseBlockResponse;
import org.eggsfs.protocol.blocks.FetchBlockRequest;
import org.eggsfs.protocol.blocks.FetchBlockWithCrcRequest;
import org.eggsfs.protocol.blocks.ListBlocksRequest;
import org.eggsfs.protocol.blocks.QuarantineBlockRequest;
import org.eggsfs.protocol.blocks.QuarantineBlockResponse;
import org.eggsfs.protocol.blocks.TestWriteRequest;
import org.eggsfs.protocol.blocks.TestWriteResponse;
import org.eggsfs.protocol.blocks.WriteBlockRequest;
import org.eggsfs.protocol.blocks.WriteBlockResponse;

/**
 * The six requests (blocks.md section 6) and our two for audits. Every outcome, failures included,
 * is a {@link Response}; an exception means that the connection itself has failed.
 */
final class RequestHandler {
  private static final System.Logger LOGGER = System.getLogger(RequestHandler.class.getName());

  private final BlockServer server;

  RequestHandler(BlockServer server) {
    this.server = server;
  }

  /** The service a request is for, or null. */
  BlockService service(long serviceId) {
    return server.service(serviceId);
  }

  /** What a request works with. */
  private interface Work {
    CompletableFuture<Response> run() throws EggsException;
  }

  /** No block has this id: ids are times before the year 2262. */
  static final long NO_BLOCK = -1;

  /** The block a request is about, or {@link #NO_BLOCK}. */
  static long blockId(BlocksRequest request) {
    return switch (request) {
      case EraseBlockRequest erase -> erase.blockId();
      case FetchBlockRequest fetch -> fetch.blockId();
      case FetchBlockWithCrcRequest fetch -> fetch.blockId();
      case WriteBlockRequest write -> write.blockId();
      case CheckBlockRequest check -> check.blockId();
      case QuarantineBlockRequest quarantine -> quarantine.blockId();
      case TestWriteRequest test -> NO_BLOCK;
      case ListBlocksRequest list -> NO_BLOCK;
    };
  }

  /**
   * Starts a request. Data of a write is taken from the connection before this returns.
   *
   * @param pipelined whether others follow it already, so that this thread must not wait for it
   */
  CompletableFuture<Response> handle(
      Connection connection, long serviceId, BlocksRequest request, boolean pipelined)
      throws IOException {
    long startNanos = System.nanoTime();
    BlockService service = server.service(serviceId);
    CompletableFuture<Response> result = begin(connection, serviceId, service, request, pipelined);
    if (service != null) {
      CompletableFuture<Void> _ =
          result.thenAccept(
              response -> count(service, request, response, System.nanoTime() - startNanos));
    }
    return result;
  }

  /** What is sent page by page is counted when it is sent. */
  private static void count(
      BlockService service, BlocksRequest request, Response response, long nanos) {
    if (!(response instanceof Response.Frame frame)) {
      return;
    }
    service.metrics.requests.answered(request.kind(), frame.error(), nanos);
    if (frame.error() == null) {
      switch (request) {
        case WriteBlockRequest write -> service.metrics.written(write.size());
        case EraseBlockRequest _ -> service.metrics.erased();
        case CheckBlockRequest check -> service.metrics.checked(check.size());
        default -> {
          // The requests' own numbers say enough.
        }
      }
    }
  }

  private CompletableFuture<Response> begin(
      Connection connection,
      long serviceId,
      BlockService service,
      BlocksRequest request,
      boolean pipelined)
      throws IOException {
    boolean readOnly =
        request instanceof FetchBlockRequest
            || request instanceof FetchBlockWithCrcRequest
            || request instanceof CheckBlockRequest
            || request instanceof ListBlocksRequest;
    if (service == null || (!readOnly && server.isDecommissioned(serviceId))) {
      boolean drainable = dataSize(request) <= ProtocolConstants.MAX_BLOCK_SIZE;
      connection.drain(drainable ? dataSize(request) : 0);
      return done(Response.error(ErrorCode.BLOCK_SERVICE_NOT_FOUND, !drainable));
    }
    service.health.requests.increment();
    if (dataSize(request) > ProtocolConstants.MAX_BLOCK_SIZE) {
      // Draining gigabytes for an impossible request helps nobody.
      return done(Response.error(tooBig(service, request), true));
    }
    if (service.isSuspended()) {
      connection.drain(dataSize(request));
      return done(Response.error(ErrorCode.BLOCK_IO_ERROR_DEVICE, false));
    }
    Executor executor = pipelined ? service.queue : Runnable::run;
    return switch (request) {
      case WriteBlockRequest write -> receive(connection, service, write);
      case TestWriteRequest test -> receiveTest(connection, service, test);
      case EraseBlockRequest erase ->
          start(
              executor,
              service,
              request,
              () ->
                  service
                      .erase(erase.blockId(), erase.certificate())
                      .thenApply(
                          proof -> Response.of(erase.kind(), new EraseBlockResponse(proof))));
      case FetchBlockRequest fetch ->
          start(
              executor,
              service,
              request,
              () ->
                  fetch(
                      service,
                      fetch.blockId(),
                      fetch.kind(),
                      fetch.offset(),
                      fetch.count(),
                      false));
      case FetchBlockWithCrcRequest fetch ->
          start(
              executor,
              service,
              request,
              () ->
                  fetch(
                      service, fetch.blockId(), fetch.kind(), fetch.offset(), fetch.count(), true));
      case CheckBlockRequest check ->
          start(
              executor,
              service,
              request,
              () -> {
                service.check(check.blockId(), check.size(), check.crc());
                return done(Response.of(check.kind(), new CheckBlockResponse()));
              });
      case ListBlocksRequest list ->
          start(
              executor,
              service,
              request,
              () ->
                  done(
                      Response.of(
                          list.kind(),
                          service.list(list.directory(), list.startFrom(), list.createdBefore()))));
      case QuarantineBlockRequest quarantine ->
          start(
              executor,
              service,
              request,
              () ->
                  service
                      .quarantine(quarantine.blockId(), quarantine.certificate())
                      .thenApply(
                          ok -> Response.of(quarantine.kind(), new QuarantineBlockResponse())));
    };
  }

  /** The certificate comes first (blocks.md section 6.3): strangers learn nothing else. */
  private static ErrorCode tooBig(BlockService service, BlocksRequest request) {
    if (request instanceof WriteBlockRequest write) {
      try {
        service.checkWrite(
            write.blockId(),
            write.crc(),
            write.size(),
            write.certificate(),
            ProtocolConstants.MAX_BLOCK_SIZE);
      } catch (EggsException e) {
        return e.code();
      }
    }
    return ErrorCode.BLOCK_TOO_BIG;
  }

  /** Bytes that follow a request; unsigned numbers beyond any limit stay beyond it. */
  static long dataSize(BlocksRequest request) {
    return switch (request) {
      case WriteBlockRequest write -> write.size();
      case TestWriteRequest test -> test.size() < 0 ? Long.MAX_VALUE : test.size();
      default -> 0;
    };
  }

  private static CompletableFuture<Response> done(Response response) {
    return CompletableFuture.completedFuture(response);
  }

  private static CompletableFuture<Response> start(
      Executor executor, BlockService service, BlocksRequest request, Work work) {
    CompletableFuture<Response> result = new CompletableFuture<>();
    executor.execute(
        () -> {
          try {
            work.run()
                .whenComplete(
                    (response, error) -> complete(result, service, request, response, error));
          } catch (EggsException e) {
            result.complete(Response.error(e.code(), false));
          } catch (RuntimeException | Error e) {
            complete(result, service, request, null, e);
          }
        });
    return result;
  }

  /** Never waits: this may be the thread that syncs. */
  private static void complete(
      CompletableFuture<Response> result,
      BlockService service,
      BlocksRequest request,
      Response response,
      Throwable error) {
    if (error == null) {
      // The disk may have been found hanging, and the request been answered, meanwhile.
      if (!result.complete(response)) {
        response.dispose();
      }
      return;
    }
    CompletableFuture<ErrorCode> code;
    try {
      code = classify(service, request, error);
    } catch (RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "a request failed", e);
      code = CompletableFuture.completedFuture(ErrorCode.INTERNAL_ERROR);
    }
    CompletableFuture<Void> _ =
        code.thenAccept(known -> result.complete(Response.error(known, false)));
  }

  private static CompletableFuture<ErrorCode> classify(
      BlockService service, BlocksRequest request, Throwable error) {
    Throwable cause = error instanceof CompletionException ? error.getCause() : error;
    if (cause instanceof Staging.ErasedMeanwhileException) {
      return CompletableFuture.completedFuture(ErrorCode.BLOCK_TOO_OLD_FOR_WRITE);
    }
    if (cause instanceof IOException e) {
      return service.classifyLater(e, blockId(request), BlocksKind.name(request.kind()));
    }
    LOGGER.log(System.Logger.Level.ERROR, "a request failed", cause);
    return CompletableFuture.completedFuture(ErrorCode.INTERNAL_ERROR);
  }

  /**
   * Answers a write when it is settled. What is not to stay goes, also when the disk was found
   * hanging and the request answered before.
   *
   * @param stays whether what was written stays when all has gone well
   */
  private static CompletableFuture<Response> settle(
      CompletableFuture<Response> outcome,
      BlockService service,
      BlocksRequest request,
      BlockService.Writing writing,
      boolean stays) {
    CompletableFuture<Response> result = new CompletableFuture<>();
    CompletableFuture<Response> _ =
        outcome.whenComplete(
            (response, error) -> {
              try {
                if (error != null || !stays) {
                  writing.abandon();
                }
              } finally {
                complete(result, service, request, response, error);
              }
            });
    return result;
  }

  private CompletableFuture<Response> fetch(
      BlockService service, long blockId, int kind, long offset, long count, boolean withCrcs)
      throws EggsException {
    if (offset % BlockFormat.PAGE != 0 || count % BlockFormat.PAGE != 0) {
      throw new EggsException(ErrorCode.BLOCK_FETCH_OUT_OF_BOUNDS);
    }
    BlockService.Opened file = service.open(blockId);
    if (offset / BlockFormat.PAGE + count / BlockFormat.PAGE > file.pages()) {
      service.close(file);
      throw new EggsException(ErrorCode.BLOCK_FETCH_OUT_OF_BOUNDS);
    }
    return done(new Response.Pages(service, file, kind, offset, count, withCrcs));
  }

  private CompletableFuture<Response> receive(
      Connection connection, BlockService service, WriteBlockRequest request) throws IOException {
    BlockService.BlockWriting writing;
    try {
      service.checkWrite(
          request.blockId(),
          request.crc(),
          request.size(),
          request.certificate(),
          ProtocolConstants.MAX_BLOCK_SIZE);
      if (request.size() % BlockFormat.PAGE != 0) {
        throw new EggsException(ErrorCode.BAD_BLOCK_CRC);
      }
      writing = service.beginWrite(request.blockId(), request.size(), request.crc());
    } catch (EggsException e) {
      connection.drain(request.size());
      return done(Response.error(e.code(), false));
    }
    boolean complete = false;
    try {
      EggsException error = transfer(connection, service, writing, request.size());
      if (error != null) {
        return done(Response.error(error.code(), false));
      }
      CompletableFuture<Long> proof = writing.commit();
      complete = true;
      return settle(
          proof.thenApply(value -> Response.of(request.kind(), new WriteBlockResponse(value))),
          service,
          request,
          writing,
          true);
    } catch (EggsException e) {
      return done(Response.error(e.code(), false));
    } finally {
      if (!complete) {
        writing.abandon();
      }
    }
  }

  /** Moves a body to the disk; on a disk error takes the rest of it off the stream. */
  private static EggsException transfer(
      Connection connection, BlockService service, BlockService.Writing writing, long size)
      throws IOException {
    EggsException error = null;
    long left = size;
    TransferBuffers.Lease lease = service.buffers.take();
    try {
      ByteBuffer chunk = lease.buffer();
      int dataSize = TransferBuffers.CHUNK_PAGES * BlockFormat.PAGE;
      ByteBuffer pages = chunk.slice(0, dataSize).order(chunk.order());
      ByteBuffer records =
          chunk
              .slice(dataSize, TransferBuffers.CHUNK_PAGES * BlockFormat.RECORD)
              .order(chunk.order());
      connection.beginData(size);
      while (left > 0 && error == null) {
        int part = (int) Math.min(left, dataSize);
        pages.clear().limit(part);
        connection.readData(pages);
        left -= part;
        try {
          writing.append(pages.flip(), records);
        } catch (EggsException e) {
          error = e;
        }
      }
    } finally {
      connection.endData();
      lease.give();
    }
    // The peer may be slow, and its buffer is wanted by others.
    connection.drain(left);
    return error;
  }

  private CompletableFuture<Response> receiveTest(
      Connection connection, BlockService service, TestWriteRequest request) throws IOException {
    BlockService.Writing writing;
    try {
      writing = service.beginTestWrite();
    } catch (EggsException e) {
      connection.drain(request.size());
      return done(Response.error(e.code(), false));
    }
    boolean complete = false;
    try {
      long whole = request.size() / BlockFormat.PAGE * BlockFormat.PAGE;
      EggsException error = transfer(connection, service, writing, whole);
      connection.drain(request.size() - whole);
      if (error != null) {
        return done(Response.error(error.code(), false));
      }
      complete = true;
    } finally {
      if (!complete) {
        writing.abandon();
      }
    }
    return settle(
        service.sync().thenApply(ok -> Response.of(request.kind(), new TestWriteResponse())),
        service,
        request,
        writing,
        false);
  }
}
