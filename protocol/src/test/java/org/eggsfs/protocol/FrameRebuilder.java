package org.eggsfs.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eggsfs.core.CbcMac;

/** Rebuilds a golden frame with {@link Frames} from the decoded parts of the vector. */
final class FrameRebuilder {
  private FrameRebuilder() {}

  static byte[] rebuild(JsonNode vector, CbcMac cdcKey) throws Exception {
    Map<String, ByteBuffer> parts = new LinkedHashMap<>();
    for (JsonNode part : vector.get("parts")) {
      byte[] bytes = HexFormat.of().parseHex(part.get("hex").asText());
      parts.put(part.get("part").asText(), ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    }
    ByteBuffer out = Frames.buffer(64 * 1024);
    if (vector.get("direction").asText().startsWith("error")) {
      putError(vector, parts, out, cdcKey);
    } else {
      putMessage(vector, parts, out, cdcKey);
    }
    ByteArrayOutputStream result = new ByteArrayOutputStream();
    result.write(out.array(), 0, out.position());
    if (parts.containsKey("data")) {
      result.writeBytes(parts.get("data").array());
    }
    return result.toByteArray();
  }

  private static void putMessage(
      JsonNode vector, Map<String, ByteBuffer> parts, ByteBuffer out, CbcMac cdcKey)
      throws Exception {
    String channel = vector.get("channel").asText();
    boolean request = vector.get("direction").asText().equals("request");
    String service = channel.equals("cdcToShard") ? "shard" : channel;
    String name = vector.get("name").asText();
    String record = name.equalsIgnoreCase(service) ? name + "Addrs" : name;
    Class<?> type =
        Class.forName(
            "org.eggsfs.protocol." + service + "." + record + (request ? "Request" : "Response"));
    byte[] bytes = parts.containsKey("body") ? parts.get("body").array() : new byte[0];
    Message body = MessageVectorsTest.decodeAll(type, bytes);
    int magic = parts.get("magic").getInt(0);
    int kind = parts.get("kind").get(0) & 0xff;
    switch (channel) {
      case "shard", "cdc" ->
          Frames.putUdp(out, magic, parts.get("requestId").getLong(0), kind, body);
      case "cdcToShard" -> {
        long id = parts.get("requestId").getLong(0);
        if (request) {
          Frames.putSignedRequest(out, id, kind, body, cdcKey);
        } else {
          Frames.putSignedResponse(out, id, parts.get("checkpoint").getLong(0), kind, body, cdcKey);
        }
      }
      case "shuckle" -> Frames.putShuckle(out, magic, kind, body);
      case "blocks" -> {
        if (request) {
          Frames.putBlocksRequest(out, parts.get("blockServiceId").getLong(0), kind, body);
        } else {
          Frames.putBlocksResponse(out, kind, body);
        }
      }
      default -> throw new IllegalArgumentException("unknown channel " + channel);
    }
  }

  private static void putError(
      JsonNode vector, Map<String, ByteBuffer> parts, ByteBuffer out, CbcMac cdcKey) {
    ErrorCode error = ErrorCode.ofCode(parts.get("errorCode").getShort(0));
    switch (vector.get("channel").asText()) {
      case "shard", "cdc" ->
          Frames.putUdpError(
              out, parts.get("magic").getInt(0), parts.get("requestId").getLong(0), error);
      case "cdcToShard" ->
          Frames.putSignedError(
              out,
              parts.get("requestId").getLong(0),
              parts.get("checkpoint").getLong(0),
              error,
              cdcKey);
      case "shuckle" -> {
        Frames.putShuckleError(out, error);
        if (!vector.get("direction").asText().equals("errorCompat")) {
          out.position(out.position() - 2);
        }
      }
      case "blocks" -> Frames.putBlocksError(out, error);
      default -> throw new IllegalArgumentException("unknown channel in " + vector);
    }
  }
}
