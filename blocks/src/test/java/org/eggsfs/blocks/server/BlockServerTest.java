package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.eggsfs.blocks.format.StagedName;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.Crc32c;
import org.eggsfs.net.Measurement;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.CheckBlockRequest;
import org.eggsfs.protocol.blocks.EraseBlockRequest;
import org.eggsfs.protocol.blocks.FetchBlockRequest;
import org.eggsfs.protocol.blocks.FetchBlockWithCrcRequest;
import org.eggsfs.protocol.blocks.ListBlocksRequest;
import org.eggsfs.protocol.blocks.ListBlocksResponse;
import org.eggsfs.protocol.blocks.QuarantineBlockRequest;
import org.eggsfs.protocol.blocks.WriteBlockRequest;
import org.eggsfs.protocol.struct.BlockFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: the requests, their errors and what lies on disk. Method: real sockets and files. */
class BlockServerTest {
  private static final long NOW = 1_700_000_000_000_000_000L;
  private static final int SIZE = 3 * 4096;

  @TempDir Path directory;
  private volatile long now = NOW;
  private BlockServer server;
  private Socket socket;
  private DataInputStream in;
  private long service;
  private CbcMac key;

  @BeforeEach
  void start() throws IOException {
    BlockServerConfig config =
        BlockServerConfig.of(
                List.of(new BlockServerConfig.Disk(directory.resolve("0"), StorageClass.FLASH)),
                "domain",
                new InetSocketAddress("127.0.0.1", 0),
                List.of())
            .withClock(() -> now, 10_000_000_000L);
    server = BlockServer.start(config);
    service = server.serviceIds().getFirst();
    key = new CbcMac(server.secretKey(service));
    connect();
  }

  private void connect() throws IOException {
    InetSocketAddress address = server.addresses().getFirst();
    socket = new Socket(address.getAddress(), address.getPort());
    socket.setSoTimeout(10_000);
    in = new DataInputStream(socket.getInputStream());
  }

  @AfterEach
  void stop() throws IOException {
    socket.close();
    server.close();
  }

  private static byte[] data(int seed) {
    byte[] data = new byte[SIZE];
    new Random(seed).nextBytes(data);
    return data;
  }

  private void send(long serviceId, int kind, Message body, byte[] data) throws IOException {
    ByteBuffer out = Frames.buffer(64 + data.length);
    Frames.putBlocksRequest(out, serviceId, kind, body);
    out.put(data);
    socket.getOutputStream().write(out.array(), 0, out.position());
  }

  private void sendWrite(long blockId, byte[] data, int crc) throws IOException {
    long certificate = Certificates.writeCertificate(key, service, blockId, crc, data.length);
    send(
        service,
        BlocksKind.WRITE_BLOCK,
        new WriteBlockRequest(blockId, crc, data.length, certificate),
        data);
  }

  private void write(long blockId, byte[] data) throws IOException {
    sendWrite(blockId, data, Crc32c.sum(0, data, 0, data.length));
    expectOk(BlocksKind.WRITE_BLOCK);
    assertEquals(Certificates.writeProof(key, service, blockId), Long.reverseBytes(in.readLong()));
  }

  @Test
  void metricsTellWhatWasDone() throws Exception {
    byte[] data = data(1);
    write(NOW, data);
    send(
        service,
        BlocksKind.FETCH_BLOCK_WITH_CRC,
        new FetchBlockWithCrcRequest(0, NOW, 0, 4096, 4096),
        new byte[0]);
    expectOk(BlocksKind.FETCH_BLOCK_WITH_CRC);
    in.readNBytes(4100);
    int crc = Crc32c.sum(0, data, 0, data.length);
    send(service, BlocksKind.CHECK_BLOCK, new CheckBlockRequest(NOW, SIZE, crc), new byte[0]);
    expectOk(BlocksKind.CHECK_BLOCK);
    send(service, BlocksKind.CHECK_BLOCK, new CheckBlockRequest(NOW, SIZE, crc + 1), new byte[0]);
    expectError(ErrorCode.BAD_BLOCK_CRC);
    now = NOW + BlockServerConfig.ERASE_CUTOFF;
    long certificate = Certificates.eraseCertificate(key, service, NOW);
    send(service, BlocksKind.ERASE_BLOCK, new EraseBlockRequest(NOW, certificate), new byte[0]);
    expectOk(BlocksKind.ERASE_BLOCK);
    String tags =
        String.format(",blockservice=0x%016x,failuredomain=domain,pathprefix=domain", service);
    in.readNBytes(8);
    send(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(NOW, 0, 4096), new byte[0]);
    expectError(ErrorCode.BLOCK_NOT_FOUND);
    // What is made durable by another thread may be counted after it is answered.
    Await.until(
        () ->
            metrics().get(0).endsWith(",blocks=1i")
                && metrics().get(2).endsWith(" blocks=1i")
                && String.join("\n", metrics()).contains(",error=BLOCK_NOT_FOUND count=1i"));
    List<String> lines = metrics();
    String text = String.join("\n", lines);
    assertEquals("eggsfs_blocks_write" + tags + " bytes=12300i,blocks=1i", lines.get(0));
    assertEquals("eggsfs_blocks_read" + tags + " bytes=4100i,blocks=1i", lines.get(1));
    assertEquals("eggsfs_blocks_erase" + tags + " blocks=1i", lines.get(2));
    assertEquals("eggsfs_blocks_check" + tags + " blocks=1i,bytes=12300i", lines.get(3));
    assertTrue(
        lines
            .get(4)
            .matches(
                "eggsfs_blocks_storage"
                    + tags
                    + ",storageclass=FLASH capacity=\\d+i,available=\\d+i,blocks=0i,io_errors=0i.*"),
        text);
    assertTrue(
        text.contains("eggsfs_blocks_requests" + tags + ",kind=CHECK_BLOCK count=2i,errors=1i,"),
        text);
    assertTrue(text.contains(",kind=FETCH_BLOCK_WITH_CRC count=1i,errors=0i,"), text);
    assertTrue(
        text.contains("eggsfs_blocks_errors" + tags + ",error=BAD_BLOCK_CRC count=1i"), text);
    assertTrue(
        text.contains("eggsfs_blocks_connections,failuredomain=domain,pathprefix=domain open=1i,"),
        text);
  }

  private List<String> metrics() {
    return server.measurements().stream().map(Measurement::toString).toList();
  }

  private void expectOk(int kind) throws IOException {
    assertEquals(0x424c4f01, in.readInt());
    int got = in.readUnsignedByte();
    assertEquals(kind, got, got == 0 ? "error " + Short.reverseBytes(in.readShort()) : "");
  }

  private void expectError(ErrorCode error) throws IOException {
    assertEquals(0x424c4f01, in.readInt());
    assertEquals(0, in.readUnsignedByte());
    assertEquals(error, ErrorCode.ofCode(Short.reverseBytes(in.readShort())));
  }

  private byte[] fetch(long blockId, int offset, int count) throws IOException {
    send(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(blockId, offset, count), NONE);
    expectOk(BlocksKind.FETCH_BLOCK);
    return in.readNBytes(count);
  }

  private static final byte[] NONE = {};

  @Test
  void writeFetchCheckErase() throws IOException {
    byte[] data = data(1);
    int crc = Crc32c.sum(0, data, 0, SIZE);
    write(NOW, data);
    assertEquals(1, server.blockCount(service));
    assertArrayEquals(Arrays.copyOfRange(data, 4096, SIZE), fetch(NOW, 4096, 8192));

    byte[] file = Files.readAllBytes(directory.resolve("0").resolve(BlockPaths.relative(NOW)));
    assertEquals(3 * 4100, file.length);
    send(
        service,
        BlocksKind.FETCH_BLOCK_WITH_CRC,
        new FetchBlockWithCrcRequest(0, NOW, crc, 0, SIZE),
        NONE);
    expectOk(BlocksKind.FETCH_BLOCK_WITH_CRC);
    assertArrayEquals(file, in.readNBytes(file.length));

    send(service, BlocksKind.CHECK_BLOCK, new CheckBlockRequest(NOW, SIZE, crc), NONE);
    expectOk(BlocksKind.CHECK_BLOCK);
    send(service, BlocksKind.CHECK_BLOCK, new CheckBlockRequest(NOW, SIZE, crc + 1), NONE);
    expectError(ErrorCode.BAD_BLOCK_CRC);

    long certificate = Certificates.eraseCertificate(key, service, NOW);
    send(service, BlocksKind.ERASE_BLOCK, new EraseBlockRequest(NOW, certificate), NONE);
    expectError(ErrorCode.BLOCK_TOO_RECENT_FOR_DELETION);
    now = NOW + BlockServerConfig.ERASE_CUTOFF;
    for (int repeat = 0; repeat < 2; repeat++) {
      send(service, BlocksKind.ERASE_BLOCK, new EraseBlockRequest(NOW, certificate), NONE);
      expectOk(BlocksKind.ERASE_BLOCK);
      assertEquals(Certificates.eraseProof(key, service, NOW), Long.reverseBytes(in.readLong()));
    }
    send(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(NOW, 0, 4096), NONE);
    expectError(ErrorCode.BLOCK_NOT_FOUND);
    assertEquals(0, server.blockCount(service));
  }

  @Test
  void refusedWritesDrainTheirDataAndKeepTheConnection() throws IOException {
    byte[] data = data(2);
    int crc = Crc32c.sum(0, data, 0, SIZE);
    send(service, BlocksKind.WRITE_BLOCK, new WriteBlockRequest(NOW, crc, SIZE, 1), data);
    expectError(ErrorCode.BAD_CERTIFICATE);
    sendWrite(NOW, data, crc + 1);
    expectError(ErrorCode.BAD_BLOCK_CRC);
    sendWrite(NOW - BlockServerConfig.WRITE_CUTOFF - 1, data, crc);
    expectError(ErrorCode.BLOCK_TOO_OLD_FOR_WRITE);
    sendWrite(NOW + 23L * 3600 * 1_000_000_000L, data, crc);
    expectError(ErrorCode.INTERNAL_ERROR);
    send(service + 1, BlocksKind.WRITE_BLOCK, new WriteBlockRequest(NOW, crc, SIZE, 1), data);
    expectError(ErrorCode.BLOCK_SERVICE_NOT_FOUND);
    write(NOW, data);
    send(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(NOW, 1, 4096), NONE);
    expectError(ErrorCode.BLOCK_FETCH_OUT_OF_BOUNDS);
    send(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(NOW, SIZE, 4096), NONE);
    expectError(ErrorCode.BLOCK_FETCH_OUT_OF_BOUNDS);
    assertArrayEquals(data, fetch(NOW, 0, SIZE));
  }

  @Test
  void pipelinedRequestsAreAnsweredInOrder() throws IOException {
    int count = 40;
    for (int i = 0; i < count; i++) {
      byte[] data = data(i);
      sendWrite(NOW + i * 256L, data, Crc32c.sum(0, data, 0, SIZE));
      send(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(NOW + i * 256L, 0, 4096), NONE);
    }
    for (int i = 0; i < count; i++) {
      expectOk(BlocksKind.WRITE_BLOCK);
      assertEquals(
          Certificates.writeProof(key, service, NOW + i * 256L), Long.reverseBytes(in.readLong()));
      expectOk(BlocksKind.FETCH_BLOCK);
      assertArrayEquals(Arrays.copyOf(data(i), 4096), in.readNBytes(4096));
    }
  }

  @Test
  void damagedFilesAreFoundByCheckAndLeftoversRemovedAtStart() throws IOException {
    byte[] data = data(3);
    int crc = Crc32c.sum(0, data, 0, SIZE);
    write(NOW, data);
    Path file = directory.resolve("0").resolve(BlockPaths.relative(NOW));
    byte[] content = Files.readAllBytes(file);
    content[5000] ^= 1;
    Files.write(file, content);
    send(service, BlocksKind.CHECK_BLOCK, new CheckBlockRequest(NOW, SIZE, crc), NONE);
    expectError(ErrorCode.BAD_BLOCK_CRC);
    Files.write(file, Arrays.copyOf(content, 4100));
    send(service, BlocksKind.CHECK_BLOCK, new CheckBlockRequest(NOW, SIZE, crc), NONE);
    expectError(ErrorCode.BAD_BLOCK_CRC);

    Path leftover = file.resolveSibling("tmp.0123");
    Files.write(leftover, content);
    long before = service;
    server.close();
    socket.close();
    start();
    assertEquals(before, service);
    // In the background: serving does not wait for it.
    Await.until(() -> !Files.exists(leftover) && server.blockCount(service) == 1);
  }

  @Test
  void aBlockThatWasSafeBeforeItHadItsNameIsThereAfterTheRestart() throws IOException {
    write(NOW, data(1));
    Path disk = directory.resolve("0");
    Path file = disk.resolve(BlockPaths.relative(NOW));
    server.close();
    socket.close();
    // As after a power failure between the sync of the block and that of its name.
    int crc = Crc32c.sum(0, data(1), 0, SIZE);
    Files.move(
        file,
        disk.resolve(StagedName.DIRECTORY).resolve(new StagedName(NOW, SIZE, crc).toString(1)));
    start();
    assertArrayEquals(data(1), fetch(NOW, 0, SIZE));
    Await.until(() -> server.blockCount(service) == 1);
  }

  @Test
  void anImpossibleSizeEndsTheConnectionAndItsDataIsNotTakenForRequests() throws IOException {
    long size = 101L << 20;
    long certificate = Certificates.writeCertificate(key, service, NOW, 0, size);
    ByteBuffer requests = Frames.buffer(200);
    Frames.putBlocksRequest(
        requests,
        service,
        BlocksKind.WRITE_BLOCK,
        new WriteBlockRequest(NOW, 0, size, certificate));
    // The beginning of the body looks like a request.
    Frames.putBlocksRequest(
        requests, service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(NOW, 0, 0));
    socket.getOutputStream().write(requests.array(), 0, requests.position());
    expectError(ErrorCode.BLOCK_TOO_BIG);
    assertEquals(-1, in.read());
  }

  @Test
  void aDiskThatIsGoneErasesNothing() throws IOException {
    write(NOW, data(5));
    now = NOW + BlockServerConfig.ERASE_CUTOFF;
    Path disk = directory.resolve("0");
    Path elsewhere = directory.resolve("elsewhere");
    Files.move(disk, elsewhere);
    long certificate = Certificates.eraseCertificate(key, service, NOW);
    send(service, BlocksKind.ERASE_BLOCK, new EraseBlockRequest(NOW, certificate), NONE);
    expectError(ErrorCode.BLOCK_IO_ERROR_DEVICE);
    send(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(NOW, 0, 4096), NONE);
    expectError(ErrorCode.BLOCK_IO_ERROR_DEVICE);
    Files.move(elsewhere, disk);
    assertArrayEquals(data(5), fetch(NOW, 0, SIZE));
  }

  private ListBlocksResponse list(int directory, long startFrom, long createdBefore)
      throws IOException {
    send(
        service,
        BlocksKind.LIST_BLOCKS,
        new ListBlocksRequest(directory, startFrom, createdBefore),
        NONE);
    expectOk(BlocksKind.LIST_BLOCKS);
    long next = Long.reverseBytes(in.readLong());
    int count = Short.reverseBytes(in.readShort()) & 0xffff;
    List<BlockFile> blocks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      blocks.add(new BlockFile(Long.reverseBytes(in.readLong()), Long.reverseBytes(in.readLong())));
    }
    return new ListBlocksResponse(next, blocks);
  }

  @Test
  void blocksAreListedAndPutAside() throws IOException {
    write(NOW, data(6));
    int sub = BlockPaths.subDirectory(NOW);
    Path parent = directory.resolve("0").resolve(BlockPaths.relative(NOW)).getParent();
    // Nearly a page and a half of older ones, of any size, and what is no block.
    int others = 5000;
    for (int i = 0; i < others; i++) {
      Files.createFile(parent.resolve(BlockPaths.fileName(NOW - others + i)));
    }
    Files.createFile(parent.resolve("tmp.x"));
    ListBlocksResponse first = list(sub, 0, 0);
    assertEquals(new BlockFile(NOW - others, 0), first.blocks().getFirst());
    ListBlocksResponse second = list(sub, first.nextBlock(), 0);
    assertEquals(0, second.nextBlock());
    assertEquals(others + 1, first.blocks().size() + second.blocks().size());
    assertEquals(new BlockFile(NOW, 3 * 4100), second.blocks().getLast());
    assertEquals(List.of(), list(sub, NOW + 1, 0).blocks());
    assertEquals(10, list(sub, 0, NOW - others + 10).blocks().size());
    assertEquals(List.of(), list(sub + 1 & 0xff, 0, 0).blocks());

    long certificate = Certificates.quarantineCertificate(key, service, NOW);
    QuarantineBlockRequest request = new QuarantineBlockRequest(NOW, certificate);
    send(service, BlocksKind.QUARANTINE_BLOCK, new QuarantineBlockRequest(NOW, 1), NONE);
    expectError(ErrorCode.BAD_CERTIFICATE);
    send(service, BlocksKind.QUARANTINE_BLOCK, request, NONE);
    expectError(ErrorCode.BLOCK_TOO_RECENT_FOR_DELETION);
    now = NOW + BlockServerConfig.ERASE_CUTOFF;
    for (int repeat = 0; repeat < 2; repeat++) {
      send(service, BlocksKind.QUARANTINE_BLOCK, request, NONE);
      expectOk(BlocksKind.QUARANTINE_BLOCK);
    }
    send(service, BlocksKind.FETCH_BLOCK, new FetchBlockRequest(NOW, 0, 4096), NONE);
    expectError(ErrorCode.BLOCK_NOT_FOUND);
    Path aside = directory.resolve("0/quarantine").resolve(BlockPaths.fileName(NOW));
    assertEquals(3 * 4100, Files.size(aside));
  }

  @Test
  void noiseEndsItsConnectionOnly() throws IOException {
    Random random = new Random(42);
    for (int i = 0; i < 50; i++) {
      byte[] noise = new byte[1 + random.nextInt(200)];
      random.nextBytes(noise);
      try (Socket other = new Socket(socket.getInetAddress(), socket.getPort())) {
        other.getOutputStream().write(noise);
        other.shutdownOutput();
        other.setSoTimeout(10_000);
        assertTrue(other.getInputStream().readAllBytes().length <= 7);
      }
    }
    write(NOW, data(4));
  }
}
