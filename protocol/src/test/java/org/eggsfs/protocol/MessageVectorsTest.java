package org.eggsfs.protocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Goal: every message encodes to and decodes from exactly the bytes of the original. Method: the
 * golden vectors, both directions, plus cuts, extensions and random bytes.
 */
class MessageVectorsTest {
  private static final int MESSAGE_VECTORS = 679;
  private static final int FRAME_VECTORS = 54;

  @Test
  void encodesAndDecodesEveryMessage() throws Exception {
    JsonNode vectors = vectors("messages");
    assertEquals(MESSAGE_VECTORS, vectors.size());
    for (JsonNode vector : vectors) {
      Class<?> type = recordType(vector);
      byte[] bytes = HexFormat.of().parseHex(vector.get("hex").asText());
      String what = vector.get("message").asText() + " " + vector.get("instance").asText();
      Message built = (Message) JsonRecords.build(type, vector.get("fields"));
      assertEquals(bytes.length, built.encodedSize(), what);
      assertArrayEquals(bytes, encode(built), what);
      Message decoded = decodeAll(type, bytes);
      assertEquals(built, decoded, what);
      assertEquals(built.hashCode(), decoded.hashCode(), what);
      if (bytes.length > 0) {
        byte[] shortened = Arrays.copyOf(bytes, bytes.length - 1);
        assertThrows(MalformedMessageException.class, () -> decodeAll(type, shortened), what);
      }
      byte[] extended = Arrays.copyOf(bytes, bytes.length + 1);
      assertThrows(MalformedMessageException.class, () -> decodeAll(type, extended), what);
    }
  }

  @Test
  void decodersOnlyEverSayMalformed() throws Exception {
    Random random = new Random(42);
    for (JsonNode vector : vectors("messages")) {
      Class<?> type = recordType(vector);
      byte[] bytes = HexFormat.of().parseHex(vector.get("hex").asText());
      for (int round = 0; round < 20; round++) {
        byte[] mutated = Arrays.copyOf(bytes, bytes.length);
        for (int i = 0; i < 3 && mutated.length > 0; i++) {
          mutated[random.nextInt(mutated.length)] = (byte) random.nextInt();
        }
        expectMessageOrMalformed(type, mutated);
      }
      byte[] noise = new byte[random.nextInt(100)];
      random.nextBytes(noise);
      expectMessageOrMalformed(type, noise);
    }
  }

  private static void expectMessageOrMalformed(Class<?> type, byte[] bytes) throws Exception {
    try {
      Message message = decodeAll(type, bytes);
      assertEquals(message, decodeAll(type, encode(message)));
    } catch (MalformedMessageException expected) {
      assertFalse(expected.getMessage().isEmpty());
    }
  }

  @Test
  void frames() throws Exception {
    JsonNode root = read("frames");
    org.eggsfs.core.CbcMac cdcKey =
        new org.eggsfs.core.CbcMac(HexFormat.of().parseHex(root.get("cdcKey").asText()));
    JsonNode vectors = root.get("vectors");
    assertEquals(FRAME_VECTORS, vectors.size());
    for (JsonNode vector : vectors) {
      assertArrayEquals(
          HexFormat.of().parseHex(vector.get("hex").asText()),
          FrameRebuilder.rebuild(vector, cdcKey),
          vector.toString());
    }
  }

  @Test
  void signedFramesAreChecked() {
    org.eggsfs.core.CbcMac key = new org.eggsfs.core.CbcMac(ProtocolConstants.keyCdc());
    ByteBuffer frame = Frames.buffer(100);
    Frames.putSignedRequest(
        frame, 7, 4, new org.eggsfs.protocol.shard.StatDirectoryRequest(0x2000000000000000L), key);
    frame.flip();
    int end = frame.limit();
    Frames.checkMac(frame, key);
    assertEquals(end - Frames.MAC_SIZE, frame.limit());
    for (int i = 0; i < end; i++) {
      ByteBuffer damaged = Frames.buffer(end);
      damaged.put(frame.array(), 0, end).flip();
      damaged.put(i, (byte) (damaged.get(i) ^ 1));
      assertThrows(MalformedMessageException.class, () -> Frames.checkMac(damaged, key));
    }
    ByteBuffer tiny = Frames.buffer(8);
    assertThrows(MalformedMessageException.class, () -> Frames.checkMac(tiny, key));
  }

  @Test
  void errorCodes() {
    for (ErrorCode error : ErrorCode.values()) {
      assertEquals(error, ErrorCode.ofCode(error.code()));
      assertTrue(error.code() >= ProtocolConstants.FIRST_ERROR_CODE);
    }
    assertEquals(null, ErrorCode.ofCode(0));
    assertEquals(null, ErrorCode.ofCode(65535));
  }

  static Class<?> recordType(JsonNode vector) throws ClassNotFoundException {
    String service = vector.get("service").asText();
    String message = vector.get("message").asText();
    if (service.equals("struct")) {
      return Class.forName("org.eggsfs.protocol.struct." + message);
    }
    String direction = vector.get("direction").asText().equals("request") ? "Request" : "Response";
    String name = message.equalsIgnoreCase(service) ? message + "Addrs" : message;
    return Class.forName("org.eggsfs.protocol." + service + "." + name + direction);
  }

  static byte[] encode(Message message) {
    ByteBuffer out = Frames.buffer(message.encodedSize());
    message.encode(out);
    assertFalse(out.hasRemaining());
    return out.array();
  }

  static Message decodeAll(Class<?> type, byte[] bytes) throws ReflectiveOperationException {
    Method decode = type.getMethod("decode", ByteBuffer.class);
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    try {
      Message message = (Message) decode.invoke(null, in);
      Frames.requireEnd(in);
      return message;
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof MalformedMessageException malformed) {
        throw malformed;
      }
      throw e;
    }
  }

  static JsonNode read(String name) throws IOException {
    try (InputStream in =
        MessageVectorsTest.class.getResourceAsStream("/vectors/" + name + ".json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  static JsonNode vectors(String name) throws IOException {
    return read(name).get("vectors");
  }
}
