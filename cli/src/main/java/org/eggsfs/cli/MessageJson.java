package org.eggsfs.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.eggsfs.protocol.StorageClass;

/**
 * JSON of any protocol message, both directions, in the forms of cli.md section 2.4.
 *
 * <p>It walks the schema ({@code messages.json}) at run time instead of having code per message, so
 * that the raw request commands know every message the protocol knows. It goes through the wire
 * form: JSON to bytes to be decoded by the generated records, and back.
 */
public final class MessageJson {
  /** A message of a service with its fields in wire order. */
  public record Message(
      String service,
      String name,
      int kind,
      boolean readOnly,
      List<Field> request,
      List<Field> response) {
    /** Upper snake case as operators type it: {@code STAT_FILE}. */
    public String kindName() {
      return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toUpperCase(Locale.ROOT);
    }
  }

  /** A field of a message or struct. */
  public record Field(String name, String type) {
    String jsonName() {
      return Character.toUpperCase(name.charAt(0)) + name.substring(1);
    }
  }

  private record UnionCase(Set<Long> values, boolean orGreater, String type) {}

  private record Union(String selector, List<UnionCase> cases) {}

  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final BigInteger U64_LIMIT = BigInteger.ONE.shiftLeft(64);
  private static final int LIST_LENGTH_MAX = 65_535;
  private static final int BYTES_LENGTH_MAX = 255;

  private final Map<String, String> scalars = new LinkedHashMap<>();
  private final Map<String, Map<String, Long>> enums = new LinkedHashMap<>();
  private final Map<String, List<Field>> structs = new LinkedHashMap<>();
  private final Map<String, Union> unions = new LinkedHashMap<>();
  private final List<Message> messages = new ArrayList<>();

  private MessageJson(JsonNode root) {
    root.get("scalars")
        .properties()
        .forEach(entry -> scalars.put(entry.getKey(), entry.getValue().get("wire").asText()));
    root.get("enums")
        .properties()
        .forEach(
            entry -> {
              Map<String, Long> values = new LinkedHashMap<>();
              entry
                  .getValue()
                  .get("values")
                  .properties()
                  .forEach(value -> values.put(value.getKey(), value.getValue().asLong()));
              enums.put(entry.getKey(), values);
              scalars.put(entry.getKey(), entry.getValue().get("wire").asText());
            });
    root.get("structs")
        .properties()
        .forEach(entry -> structs.put(entry.getKey(), fields(entry.getValue().get("fields"))));
    root.get("unions")
        .properties()
        .forEach(entry -> unions.put(entry.getKey(), union(entry.getValue())));
    root.get("services")
        .properties()
        .forEach(
            service ->
                service
                    .getValue()
                    .get("messages")
                    .properties()
                    .forEach(
                        entry ->
                            messages.add(
                                new Message(
                                    service.getKey(),
                                    entry.getKey(),
                                    entry.getValue().get("kind").asInt(),
                                    entry.getValue().path("readOnly").asBoolean(),
                                    fields(entry.getValue().get("request")),
                                    fields(entry.getValue().get("response"))))));
  }

  /** Reads the schema that the protocol module carries. */
  public static MessageJson load() {
    try (InputStream schema =
        MessageJson.class.getResourceAsStream("/org/eggsfs/protocol/messages.json")) {
      if (schema == null) {
        throw new IllegalStateException("the protocol module carries no schema");
      }
      return new MessageJson(new JsonMapper().readTree(schema));
    } catch (IOException e) {
      throw new IllegalStateException("unreadable protocol schema", e);
    }
  }

  /** The message called {@code kindName} ({@code STAT_FILE} or {@code StatFile}) of a service. */
  public Optional<Message> find(String service, String kindName) {
    return messages.stream()
        .filter(message -> message.service().equals(service))
        .filter(
            message ->
                message.kindName().equalsIgnoreCase(kindName)
                    || message.name().equalsIgnoreCase(kindName))
        .findFirst();
  }

  /** The messages of a service, in the schema's order. */
  public List<Message> messages(String service) {
    return messages.stream().filter(message -> message.service().equals(service)).toList();
  }

  /** The wire form of a request; fields that {@code json} lacks are zero. */
  public ByteBuffer encodeRequest(Message message, JsonNode json) {
    return encode(message.request(), json, message.name());
  }

  /** The wire form of a response; fields that {@code json} lacks are zero. */
  public ByteBuffer encodeResponse(Message message, JsonNode json) {
    return encode(message.response(), json, message.name());
  }

  /** The JSON of a request's body; consumes it. */
  public ObjectNode decodeRequest(Message message, ByteBuffer body) {
    return readFields(message.request(), body.order(ByteOrder.LITTLE_ENDIAN));
  }

  /** The JSON of a response's body; consumes it. */
  public ObjectNode decodeResponse(Message message, ByteBuffer body) {
    return readFields(message.response(), body.order(ByteOrder.LITTLE_ENDIAN));
  }

  private ByteBuffer encode(List<Field> fields, JsonNode json, String where) {
    Writer out = new Writer();
    writeFields(fields, json, where, out);
    return ByteBuffer.wrap(out.bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
  }

  // ---- JSON to bytes ----

  private void writeFields(List<Field> fields, JsonNode json, String where, Writer out) {
    if (!json.isObject() && !json.isMissingNode()) {
      throw bad(where, "an object", json);
    }
    Set<String> unknown = new HashSet<>();
    json.fieldNames().forEachRemaining(unknown::add);
    for (Field field : fields) {
      unknown.remove(field.jsonName());
      String path = where + "." + field.jsonName();
      JsonNode value = json.path(field.jsonName());
      Union union = unions.get(field.type());
      if (union == null) {
        write(field.type(), value, path, out);
      } else {
        writeFields(structs.get(chosen(union, json)), value, path, out);
      }
    }
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          where
              + " has no field "
              + unknown.iterator().next()
              + "; it has "
              + fields.stream().map(Field::jsonName).toList());
    }
  }

  private void write(String type, JsonNode json, String where, Writer out) {
    if (type.startsWith("[]")) {
      if (!json.isArray() && !json.isMissingNode()) {
        throw bad(where, "a list", json);
      }
      if (json.size() > LIST_LENGTH_MAX) {
        throw new IllegalArgumentException(where + " has more than 65535 elements");
      }
      out.number(json.size(), 2);
      for (int i = 0; i < json.size(); i++) {
        write(type.substring(2), json.get(i), where + "[" + i + "]", out);
      }
      return;
    }
    switch (type) {
      case "IpPort" -> writeIpPort(json, where, out);
      case "FailureDomain" -> out.fixed(text(json, where), 16, where);
      case "InodeIdExtra" -> writeIdExtra(json, where, out);
      case "ShardReplicaId" -> writeShardReplica(json, where, out);
      case "Parity" -> writeParity(json, where, out);
      case "Time" -> out.number(time(json, where), 8);
      case "NameHash" -> out.number(hash(json, where), 8);
      case "bool" -> out.number(json.asBoolean() ? 1 : 0, 1);
      case "bytes", "string" -> out.bytes(text(json, where), where);
      default -> {
        List<Field> struct = structs.get(type);
        if (struct != null) {
          writeFields(struct, json, where, out);
        } else {
          writeScalar(type, json, where, out);
        }
      }
    }
  }

  private void writeScalar(String type, JsonNode json, String where, Writer out) {
    String wire = scalars.getOrDefault(type, type);
    switch (wire) {
      case "u8" -> out.number(number(type, json, where, 8), 1);
      case "u16" -> out.number(number(type, json, where, 16), 2);
      case "u32" -> out.number(number(type, json, where, 32), 4);
      case "u64" -> out.number(number(type, json, where, 64), 8);
      case "fixed4", "fixed8", "fixed16" -> {
        int length = Integer.parseInt(wire.substring(5));
        if (length == 8 && json.isTextual()) {
          out.number(number(type, json, where, 64), 8);
        } else {
          out.fixed(text(json, where), length, where);
        }
      }
      default -> throw new IllegalStateException("schema type " + type);
    }
  }

  private static void writeIpPort(JsonNode json, String where, Writer out) {
    if (json.isMissingNode()) {
      out.number(0, 6);
      return;
    }
    String text = json.asText();
    int colon = text.lastIndexOf(':');
    String[] parts = colon < 0 ? new String[0] : text.substring(0, colon).split("\\.", -1);
    try {
      if (parts.length != 4) {
        throw new NumberFormatException();
      }
      for (String part : parts) {
        out.number(bounded(Long.parseLong(part), 8), 1);
      }
      out.number(bounded(Long.parseLong(text.substring(colon + 1)), 16), 2);
    } catch (NumberFormatException e) {
      throw bad(where, "\"ip:port\"", json, e);
    }
  }

  private static void writeIdExtra(JsonNode json, String where, Writer out) {
    long id = number("InodeId", json.isObject() ? json.path("Id") : json, where, 64);
    out.number(json.path("Extra").asBoolean() ? id | Long.MIN_VALUE : id, 8);
  }

  private static void writeShardReplica(JsonNode json, String where, Writer out) {
    if (json.isMissingNode()) {
      out.number(0, 2);
      return;
    }
    String[] parts = json.asText().split(":", -1);
    try {
      if (parts.length != 2) {
        throw new NumberFormatException();
      }
      out.number(bounded(Long.parseLong(parts[0]), 8), 1);
      out.number(bounded(Long.parseLong(parts[1]), 8), 1);
    } catch (NumberFormatException e) {
      throw bad(where, "\"shard:replica\"", json, e);
    }
  }

  private static void writeParity(JsonNode json, String where, Writer out) {
    if (json.isMissingNode()) {
      out.number(0, 1);
    } else if (json.isArray() && json.size() == 2) {
      long data = json.get(0).asLong(-1);
      long parity = json.get(1).asLong(-1);
      if (data < 0 || data > 15 || parity < 0 || parity > 15) {
        throw bad(where, "[D,P] with both 0..15", json);
      }
      out.number(data | parity << 4, 1);
    } else {
      throw bad(where, "[D,P]", json);
    }
  }

  /** A string stands for its UTF-8 bytes, a list of numbers for itself. */
  private static byte[] text(JsonNode json, String where) {
    if (json.isMissingNode()) {
      return new byte[0];
    }
    if (json.isTextual()) {
      return json.asText().getBytes(StandardCharsets.UTF_8);
    }
    if (!json.isArray()) {
      throw bad(where, "a string or a list of numbers", json);
    }
    byte[] bytes = new byte[json.size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) number("u8", json.get(i), where, 8);
    }
    return bytes;
  }

  private static long time(JsonNode json, String where) {
    if (!json.isTextual()) {
      return number("Time", json, where, 64);
    }
    try {
      Instant instant = Instant.parse(json.asText());
      BigInteger nanos =
          BigInteger.valueOf(instant.getEpochSecond())
              .multiply(BigInteger.valueOf(1_000_000_000))
              .add(BigInteger.valueOf(instant.getNano()));
      if (nanos.signum() < 0 || nanos.bitLength() > 64) {
        throw bad(where, "a time between 1970 and 2554", json);
      }
      return nanos.longValue();
    } catch (DateTimeException e) {
      throw bad(where, "an RFC 3339 time", json, e);
    }
  }

  private static long hash(JsonNode json, String where) {
    if (!json.isTextual()) {
      return number("NameHash", json, where, 64);
    }
    try {
      return Long.parseUnsignedLong(json.asText().replaceFirst("^0x", ""), 16);
    } catch (NumberFormatException e) {
      throw bad(where, "16 hex digits", json, e);
    }
  }

  private static long number(String type, JsonNode json, String where, int bits) {
    if (json.isMissingNode()) {
      return 0;
    }
    try {
      BigInteger value;
      if (json.isIntegralNumber()) {
        value = json.bigIntegerValue();
      } else if (json.isTextual()) {
        String text = json.asText();
        value =
            text.startsWith("0x") ? new BigInteger(text.substring(2), 16) : new BigInteger(text);
      } else {
        throw bad(where, "a number (" + type + ")", json);
      }
      if (value.signum() < 0 || value.bitLength() > bits) {
        throw bad(where, "a number of " + bits + " bits", json);
      }
      return value.longValue();
    } catch (NumberFormatException e) {
      throw bad(where, "a number (" + type + ")", json, e);
    }
  }

  private static long bounded(long value, int bits) {
    if (value < 0 || value >= 1L << bits) {
      throw new NumberFormatException();
    }
    return value;
  }

  private static IllegalArgumentException bad(String where, String expected, JsonNode found) {
    return bad(where, expected, found, null);
  }

  private static IllegalArgumentException bad(
      String where, String expected, JsonNode found, Exception cause) {
    return new IllegalArgumentException(
        where + ": expected " + expected + ", found " + found, cause);
  }

  // ---- bytes to JSON ----

  private ObjectNode readFields(List<Field> fields, ByteBuffer in) {
    ObjectNode json = NODES.objectNode();
    for (Field field : fields) {
      Union union = unions.get(field.type());
      json.set(
          field.jsonName(),
          union == null
              ? read(field.type(), in)
              : readFields(structs.get(chosen(union, json)), in));
    }
    return json;
  }

  private JsonNode read(String type, ByteBuffer in) {
    if (type.startsWith("[]")) {
      int count = Short.toUnsignedInt(in.getShort());
      ArrayNode list = NODES.arrayNode();
      for (int i = 0; i < count; i++) {
        list.add(read(type.substring(2), in));
      }
      return list;
    }
    return switch (type) {
      case "IpPort" -> {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 4; i++) {
          text.append(i == 0 ? "" : ".").append(Byte.toUnsignedInt(in.get()));
        }
        yield NODES.textNode(
            text.append(':').append(Short.toUnsignedInt(in.getShort())).toString());
      }
      case "FailureDomain" -> {
        byte[] name = take(in, 16);
        int end = 16;
        while (end > 0 && name[end - 1] == 0) {
          end--;
        }
        yield textOrNumbers(Arrays.copyOf(name, end));
      }
      case "InodeIdExtra" -> {
        long id = in.getLong();
        ObjectNode json = NODES.objectNode();
        json.put("Id", hex(id & Long.MAX_VALUE));
        json.put("Extra", id < 0);
        yield json;
      }
      case "ShardReplicaId" ->
          NODES.textNode(Byte.toUnsignedInt(in.get()) + ":" + Byte.toUnsignedInt(in.get()));
      case "Parity" -> {
        int parity = Byte.toUnsignedInt(in.get());
        yield NODES.arrayNode().add(parity & 15).add(parity >>> 4);
      }
      case "Time" -> NODES.textNode(timeText(in.getLong()));
      case "NameHash" -> NODES.textNode("%016x".formatted(in.getLong()));
      case "InodeId", "BlockId", "BlockServiceId", "Cookie" -> NODES.textNode(hex(in.getLong()));
      case "bool" -> NODES.booleanNode(in.get() != 0);
      case "string" -> textOrNumbers(take(in, Byte.toUnsignedInt(in.get())));
      case "bytes" -> numbers(take(in, Byte.toUnsignedInt(in.get())));
      default -> {
        List<Field> struct = structs.get(type);
        yield struct == null ? readScalar(type, in) : readFields(struct, in);
      }
    };
  }

  private JsonNode readScalar(String type, ByteBuffer in) {
    String wire = scalars.getOrDefault(type, type);
    return switch (wire) {
      case "u8" -> NODES.numberNode(Byte.toUnsignedInt(in.get()));
      case "u16" -> NODES.numberNode(Short.toUnsignedInt(in.getShort()));
      case "u32" -> NODES.numberNode(Integer.toUnsignedLong(in.getInt()));
      case "u64" -> {
        long value = in.getLong();
        yield value >= 0
            ? NODES.numberNode(value)
            : NODES.numberNode(BigInteger.valueOf(value).add(U64_LIMIT));
      }
      case "fixed4", "fixed8", "fixed16" -> numbers(take(in, Integer.parseInt(wire.substring(5))));
      default -> throw new IllegalStateException("schema type " + type);
    };
  }

  private static byte[] take(ByteBuffer in, int length) {
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private static JsonNode numbers(byte[] bytes) {
    ArrayNode list = NODES.arrayNode();
    for (byte b : bytes) {
      list.add(Byte.toUnsignedInt(b));
    }
    return list;
  }

  /** Names are bytes; those that are no UTF-8 are shown as numbers, so that nothing is lost. */
  private static JsonNode textOrNumbers(byte[] bytes) {
    try {
      return NODES.textNode(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException e) {
      return numbers(bytes);
    }
  }

  static String hex(long id) {
    return "0x%016x".formatted(id);
  }

  static String timeText(long nanos) {
    return Instant.ofEpochSecond(
            Long.divideUnsigned(nanos, 1_000_000_000L),
            Long.remainderUnsigned(nanos, 1_000_000_000L))
        .toString();
  }

  // ---- schema ----

  private String chosen(Union union, JsonNode parent) {
    JsonNode selector = parent;
    for (String step : union.selector().split("\\.")) {
      selector = selector.path(new Field(step, "").jsonName());
    }
    long value =
        selector.isBoolean() ? (selector.asBoolean() ? 1 : 0) : selector.asLong(StorageClass.EMPTY);
    for (UnionCase unionCase : union.cases()) {
      boolean above =
          unionCase.orGreater()
              && unionCase.values().stream().allMatch(least -> value >= least.longValue());
      if (unionCase.values().contains(value) || above) {
        return unionCase.type();
      }
    }
    throw new IllegalArgumentException("no body goes with " + union.selector() + " = " + selector);
  }

  private Union union(JsonNode json) {
    List<UnionCase> cases = new ArrayList<>();
    for (JsonNode unionCase : json.get("cases")) {
      Set<Long> values = new HashSet<>();
      for (JsonNode value : unionCase.get("values")) {
        values.add(
            value.isBoolean()
                ? (value.asBoolean() ? 1L : 0L)
                : enums.get("StorageClass").get(value.asText()));
      }
      cases.add(
          new UnionCase(
              values, unionCase.path("orGreater").asBoolean(), unionCase.get("type").asText()));
    }
    return new Union(json.get("selector").asText(), List.copyOf(cases));
  }

  private static List<Field> fields(JsonNode json) {
    List<Field> fields = new ArrayList<>();
    for (JsonNode field : json) {
      fields.add(new Field(field.get("name").asText(), field.get("type").asText()));
    }
    return List.copyOf(fields);
  }

  /** Little-endian bytes in the making. */
  private static final class Writer {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    void number(long value, int width) {
      for (int i = 0; i < width; i++) {
        bytes.write((int) (value >>> 8 * i));
      }
    }

    void bytes(byte[] value, String where) {
      if (value.length > BYTES_LENGTH_MAX) {
        throw new IllegalArgumentException(where + " is longer than 255 bytes");
      }
      bytes.write(value.length);
      bytes.writeBytes(value);
    }

    void fixed(byte[] value, int length, String where) {
      if (value.length > length) {
        throw new IllegalArgumentException(where + " is longer than " + length + " bytes");
      }
      bytes.writeBytes(Arrays.copyOf(value, length));
    }
  }
}
