package org.eggsfs.run.fuzz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.Message;

/** Good messages of every kind of the schema, from the golden vectors. */
final class MessageSeeds {
  private static final Path VECTORS =
      Path.of("../protocol/src/test/resources/vectors/messages.json");

  /**
   * A good message.
   *
   * @param service shard, cdc, shuckle, blocks or struct
   * @param kind its number, 0 for a struct
   */
  record Seed(String service, boolean isRequest, int kind, Class<?> type, byte[] bytes) {}

  private MessageSeeds() {}

  /** All of them. */
  static List<Seed> load() throws IOException, ReflectiveOperationException {
    List<Seed> seeds = new ArrayList<>();
    for (JsonNode vector : new ObjectMapper().readTree(VECTORS.toFile()).get("vectors")) {
      String service = vector.get("service").asText();
      String message = vector.get("message").asText();
      boolean isRequest = vector.get("direction").asText().equals("request");
      boolean isStruct = service.equals("struct");
      String name = message.equalsIgnoreCase(service) ? message + "Addrs" : message;
      String suffix = isStruct ? "" : isRequest ? "Request" : "Response";
      Class<?> type =
          MethodHandles.lookup().findClass("org.eggsfs.protocol." + service + "." + name + suffix);
      byte[] bytes = HexFormat.of().parseHex(vector.get("hex").asText());
      Object decoded = decode(type, bytes);
      int kind = isStruct ? 0 : (int) type.getMethod("kind").invoke(decoded);
      seeds.add(new Seed(service, isRequest, kind, type, bytes));
    }
    return seeds;
  }

  /** Decodes the whole of the bytes. */
  static Message decode(Class<?> type, byte[] bytes) throws ReflectiveOperationException {
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
}
