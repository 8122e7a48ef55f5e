package org.eggsfs.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Goal: every formula gives the original's values. Method: the golden vectors. */
class CoreVectorsTest {
  private static final HexFormat HEX = HexFormat.of();

  @Test
  void nameHash() throws IOException {
    JsonNode vectors = vectors("namehash", 265);
    for (JsonNode vector : vectors) {
      byte[] name = HEX.parseHex(vector.get("name").asText());
      assertEquals(
          Long.parseUnsignedLong(vector.get("hash").asText()),
          NameHash.hash(name),
          "length " + name.length);
    }
  }

  @Test
  void cbcMac() throws IOException {
    for (JsonNode vector : vectors("cbcmac", 132)) {
      CbcMac key = new CbcMac(HEX.parseHex(vector.get("key").asText()));
      byte[] data = HEX.parseHex(vector.get("data").asText());
      assertEquals(fixed8(vector, "mac"), key.mac(data, 0, data.length));
      assertEquals(fixed8(vector, "mac"), key.mac(ByteBuffer.wrap(data)));
    }
  }

  @Test
  void certificates() throws IOException {
    for (JsonNode vector : vectors("certificates", 50)) {
      byte[] keyBytes = HEX.parseHex(vector.get("key").asText());
      CbcMac key = new CbcMac(keyBytes);
      if (vector.has("cookie")) {
        assertEquals(number(vector, "blockServiceIdOfKey"), Certificates.blockServiceId(keyBytes));
        assertEquals(fixed8(vector, "cookie"), Certificates.cookie(key, number(vector, "inodeId")));
        continue;
      }
      long service = number(vector, "blockServiceId");
      long block = number(vector, "blockId");
      int crc = (int) vector.get("crc").asLong();
      long size = vector.get("size").asLong();
      assertEquals(
          fixed8(vector, "writeCertificate"),
          Certificates.writeCertificate(key, service, block, crc, size));
      assertEquals(fixed8(vector, "writeProof"), Certificates.writeProof(key, service, block));
      assertEquals(
          fixed8(vector, "eraseCertificate"), Certificates.eraseCertificate(key, service, block));
      assertEquals(fixed8(vector, "eraseProof"), Certificates.eraseProof(key, service, block));
    }
  }

  @Test
  void blockPaths() throws IOException {
    for (JsonNode vector : vectors("blockpaths", 64)) {
      assertEquals(vector.get("path").asText(), BlockPaths.relative(number(vector, "blockId")));
    }
  }

  @Test
  void crc32c() throws IOException {
    for (JsonNode vector : vectors("crc32c", 156)) {
      switch (vector.get("op").asText()) {
        case "sum" -> {
          byte[] data = HEX.parseHex(vector.get("data").asText());
          int start = (int) vector.get("crc").asLong();
          assertEquals(result(vector), Crc32c.sum(start, data, 0, data.length));
          assertEquals(result(vector), Crc32c.sum(start, ByteBuffer.wrap(data)));
        }
        case "sumZeros" -> {
          int length = vector.get("length").asInt();
          assertEquals(result(vector), Crc32c.zeros(length));
          assertEquals(result(vector), Crc32c.sum(0, new byte[length], 0, length));
        }
        case "sumPattern" -> {
          byte[] data = pattern(vector.get("length").asInt(), vector.get("seed").asInt());
          assertEquals(result(vector), Crc32c.sum(0, data, 0, data.length));
        }
        case "append" ->
            assertEquals(
                result(vector),
                Crc32c.append(
                    (int) vector.get("crc1").asLong(),
                    (int) vector.get("crc2").asLong(),
                    vector.get("length2").asLong()));
        case "xor" ->
            assertEquals(
                result(vector),
                Crc32c.xor(
                    (int) vector.get("crc1").asLong(),
                    (int) vector.get("crc2").asLong(),
                    vector.get("length").asLong()));
        case "zeroExtend" ->
            assertEquals(
                result(vector),
                Crc32c.zeroExtend((int) vector.get("crc").asLong(), vector.get("zeros").asLong()));
        case "span" -> checkSpan(vector);
        default -> throw new IllegalArgumentException(vector.toString());
      }
    }
  }

  private static void checkSpan(JsonNode vector) {
    int d = vector.get("dataBlocks").asInt();
    int parity = Parity.of(d, vector.get("parityBlocks").asInt());
    int stripes = vector.get("stripes").asInt();
    int cell = vector.get("cellSize").asInt();
    int size = vector.get("size").asInt();
    int blocks = Parity.blocks(parity);
    byte[] content = pattern(Math.min(size, stripes * d * cell), vector.get("seed").asInt());
    byte[] padded = Arrays.copyOf(content, stripes * d * cell);
    int[] cellCrcs = new int[stripes * blocks];
    for (int s = 0; s < stripes; s++) {
      MemorySegment[] data = new MemorySegment[d];
      MemorySegment[] parities = new MemorySegment[blocks - d];
      for (int b = 0; b < blocks; b++) {
        byte[] bytes =
            b < d
                ? Arrays.copyOfRange(padded, (s * d + b) * cell, (s * d + b + 1) * cell)
                : new byte[cell];
        if (b < d) {
          data[b] = MemorySegment.ofArray(bytes);
        } else {
          parities[b - d] = MemorySegment.ofArray(bytes);
        }
      }
      ReedSolomon.get(parity).encode(data, parities, cell);
      for (int b = 0; b < blocks; b++) {
        MemorySegment segment = b < d ? data[b] : parities[b - d];
        cellCrcs[s * blocks + b] = Crc32c.sum(0, segment.asByteBuffer());
      }
    }
    assertArrayEquals(crcs(vector.get("cellCrcs")), cellCrcs, vector.toString());
    assertArrayEquals(crcs(vector.get("blockCrcs")), SpanCrcs.blockCrcs(cellCrcs, blocks, cell));
    int[] stripeCrcs = SpanCrcs.stripeCrcs(cellCrcs, blocks, d, cell);
    assertArrayEquals(crcs(vector.get("stripeCrcs")), stripeCrcs);
    assertEquals((int) vector.get("spanCrc").asLong(), SpanCrcs.spanCrc(stripeCrcs, d, cell, size));
    assertEquals(
        true,
        SpanCrcs.areConsistent(
            cellCrcs, parity, stripes, cell, size, (int) vector.get("spanCrc").asLong()));
  }

  @Test
  void reedSolomon() throws IOException {
    for (JsonNode vector : vectors("rs", 19)) {
      int d = vector.get("dataBlocks").asInt();
      int p = vector.get("parityBlocks").asInt();
      ReedSolomon code = ReedSolomon.get(Parity.of(d, p));
      byte[][] blocks = new byte[d + p][];
      for (int b = 0; b < d + p; b++) {
        JsonNode source = b < d ? vector.get("data").get(b) : vector.get("parity").get(b - d);
        blocks[b] = HEX.parseHex(source.asText());
      }
      MemorySegment[] data = new MemorySegment[d];
      MemorySegment[] parity = new MemorySegment[p];
      for (int b = 0; b < d; b++) {
        data[b] = MemorySegment.ofArray(blocks[b]);
      }
      for (int b = 0; b < p; b++) {
        parity[b] = MemorySegment.ofArray(new byte[blocks[0].length]);
        assertEquals(vector.get("parityMatrix").get(b).asText(), HEX.formatHex(code.parityRow(b)));
      }
      code.encode(data, parity, blocks[0].length);
      for (int b = 0; b < p; b++) {
        assertEquals(-1, parity[b].mismatch(MemorySegment.ofArray(blocks[d + b])));
      }
      for (JsonNode recovery : vector.get("recoveries")) {
        checkRecovery(code, blocks, recovery);
      }
    }
  }

  private static void checkRecovery(ReedSolomon code, byte[][] blocks, JsonNode recovery) {
    int[] have = new int[recovery.get("have").size()];
    MemorySegment[] cells = new MemorySegment[have.length];
    for (int k = 0; k < have.length; k++) {
      have[k] = recovery.get("have").get(k).asInt();
      cells[k] = MemorySegment.ofArray(blocks[have[k]]);
    }
    int want = recovery.get("want").asInt();
    MemorySegment[] out = {MemorySegment.ofArray(new byte[blocks[0].length])};
    code.recover(have, cells, new int[] {want}, out, blocks[0].length);
    assertEquals(-1, out[0].mismatch(MemorySegment.ofArray(blocks[want])));
  }

  static byte[] pattern(int length, int seed) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (7 * i + (i >> 8) + seed);
    }
    return bytes;
  }

  private static int[] crcs(JsonNode list) {
    int[] values = new int[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (int) list.get(i).asLong();
    }
    return values;
  }

  private static int result(JsonNode vector) {
    return (int) vector.get("result").asLong();
  }

  private static long number(JsonNode vector, String field) {
    return Long.parseUnsignedLong(vector.get(field).asText());
  }

  private static long fixed8(JsonNode vector, String field) {
    return ByteBuffer.wrap(HEX.parseHex(vector.get(field).asText()))
        .order(ByteOrder.LITTLE_ENDIAN)
        .getLong();
  }

  private static JsonNode vectors(String name, int count) throws IOException {
    try (InputStream in = CoreVectorsTest.class.getResourceAsStream("/vectors/" + name + ".json")) {
      JsonNode vectors = new ObjectMapper().readTree(in).get("vectors");
      assertEquals(count, vectors.size());
      return vectors;
    }
  }
}
