package org.eggsfs.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/** Builds message records from the vectors' JSON form by reflection, without using the codecs. */
final class JsonRecords {
  /** Fields that are 8 raw bytes: hex in JSON, a little-endian number in the record. */
  private static final Set<String> FIXED8 =
      Set.of("proof", "cookie", "cookie1", "cookie2", "certificate");

  private JsonRecords() {}

  static Object build(Class<?> recordType, JsonNode json) throws ReflectiveOperationException {
    RecordComponent[] components = recordType.getRecordComponents();
    Class<?>[] types = new Class<?>[components.length];
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String name = components[i].getName();
      types[i] = components[i].getType();
      JsonNode value = json.get(name);
      if (value == null) {
        throw new IllegalArgumentException("no field " + name + " in " + json);
      }
      values[i] =
          FIXED8.contains(name)
              ? fixed8(value.asText())
              : value(components[i].getGenericType(), types[i], value);
    }
    return recordType.getDeclaredConstructor(types).newInstance(values);
  }

  private static Object value(Type generic, Class<?> type, JsonNode json)
      throws ReflectiveOperationException {
    if (type == boolean.class) {
      return json.asBoolean();
    }
    if (type == int.class) {
      // The only textual one is an IPv4 address, in network order.
      return json.isTextual()
          ? ByteBuffer.wrap(HexFormat.of().parseHex(json.asText())).getInt()
          : (int) json.asLong();
    }
    if (type == long.class) {
      return json.isTextual() ? Long.parseUnsignedLong(json.asText()) : json.asLong();
    }
    if (type == byte[].class) {
      return HexFormat.of().parseHex(json.asText());
    }
    if (type == long[].class) {
      long[] values = new long[json.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = Long.parseUnsignedLong(json.get(i).asText());
      }
      return values;
    }
    if (type == int[].class) {
      int[] values = new int[json.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (int) json.get(i).asLong();
      }
      return values;
    }
    if (type == List.class) {
      Class<?> element = (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0];
      List<Object> values = new ArrayList<>();
      for (JsonNode item : json) {
        values.add(value(element, element, item));
      }
      return values;
    }
    if (type.isInterface()) {
      String chosen = json.fieldNames().next();
      return build(Class.forName("org.eggsfs.protocol.struct." + chosen), json.get(chosen));
    }
    return build(type, json);
  }

  private static long fixed8(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex)).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }
}
