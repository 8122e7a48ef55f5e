package org.eggsfs.generator;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The protocol schema ({@code messages.json}) as Java values, checked while it is read. */
final class Schema {
  /** One field of a struct or message body. */
  record Field(String name, String type, String doc) {}

  /** A struct shared by several messages. */
  record Struct(String name, String doc, List<Field> fields) {}

  /** One case of a union: the selector values that choose {@code type}. */
  record UnionCase(List<String> values, boolean orGreater, String type) {}

  /** A body without a tag of its own, chosen by a field read before. */
  record Union(String name, String doc, String selector, List<UnionCase> cases) {}

  /** One request/response pair; {@code recordName} differs where the name is taken. */
  record Message(
      String recordName,
      String name,
      int kind,
      String doc,
      boolean readOnly,
      List<Field> request,
      List<Field> response) {}

  /** The messages of one service. */
  record Service(String name, List<Message> messages) {}

  /** An error code. */
  record ErrorCode(int code, String name, String doc) {}

  /** An enumeration or set of flags; on the wire a number. */
  record Constants(String name, String doc, boolean flags, Map<String, Long> values) {}

  final Map<String, String> scalars = new LinkedHashMap<>();
  final Map<String, Constants> enums = new LinkedHashMap<>();
  final Map<String, Struct> structs = new LinkedHashMap<>();
  final Map<String, Union> unions = new LinkedHashMap<>();
  final List<Service> services = new ArrayList<>();
  final List<ErrorCode> errors = new ArrayList<>();
  final Map<String, String> constants = new LinkedHashMap<>();

  Schema(JsonNode root) {
    if (root.path("format").asInt() != 1) {
      throw new IllegalArgumentException("schema format is not 1");
    }
    root.get("constants")
        .properties()
        .forEach(entry -> constants.put(entry.getKey(), entry.getValue().asText()));
    root.get("scalars")
        .properties()
        .forEach(entry -> scalars.put(entry.getKey(), entry.getValue().get("wire").asText()));
    root.get("enums").properties().forEach(entry -> readEnum(entry.getKey(), entry.getValue()));
    for (JsonNode error : root.get("errors")) {
      errors.add(
          new ErrorCode(
              error.get("code").asInt(), error.get("name").asText(), error.get("doc").asText()));
    }
    root.get("structs")
        .properties()
        .forEach(
            entry ->
                structs.put(
                    entry.getKey(),
                    new Struct(
                        entry.getKey(),
                        entry.getValue().path("doc").asText(),
                        fields(entry.getValue().get("fields")))));
    root.get("unions").properties().forEach(entry -> readUnion(entry.getKey(), entry.getValue()));
    root.get("services")
        .properties()
        .forEach(entry -> readService(entry.getKey(), entry.getValue()));
  }

  private void readEnum(String name, JsonNode node) {
    Map<String, Long> values = new LinkedHashMap<>();
    node.get("values")
        .properties()
        .forEach(value -> values.put(value.getKey(), value.getValue().asLong()));
    enums.put(
        name,
        new Constants(name, node.path("doc").asText(), node.path("flags").asBoolean(), values));
    scalars.put(name, node.get("wire").asText());
  }

  private void readUnion(String name, JsonNode node) {
    List<UnionCase> cases = new ArrayList<>();
    for (JsonNode unionCase : node.get("cases")) {
      List<String> values = new ArrayList<>();
      unionCase.get("values").forEach(value -> values.add(value.asText()));
      cases.add(
          new UnionCase(
              values, unionCase.path("orGreater").asBoolean(), unionCase.get("type").asText()));
    }
    unions.put(
        name, new Union(name, node.path("doc").asText(), node.get("selector").asText(), cases));
  }

  private void readService(String name, JsonNode node) {
    List<Message> messages = new ArrayList<>();
    node.get("messages")
        .properties()
        .forEach(
            entry -> {
              JsonNode message = entry.getValue();
              // The message that asks a service about itself bears the service's own name, which
              // is the name of the sealed interface over all its messages.
              boolean taken = entry.getKey().equalsIgnoreCase(name);
              messages.add(
                  new Message(
                      taken ? entry.getKey() + "Addrs" : entry.getKey(),
                      entry.getKey(),
                      message.get("kind").asInt(),
                      message.path("doc").asText(),
                      message.path("readOnly").asBoolean(),
                      fields(message.get("request")),
                      fields(message.get("response"))));
            });
    services.add(new Service(name, messages));
  }

  private static List<Field> fields(JsonNode node) {
    List<Field> fields = new ArrayList<>();
    for (JsonNode field : node) {
      fields.add(
          new Field(
              field.get("name").asText(), field.get("type").asText(), field.path("doc").asText()));
    }
    return List.copyOf(fields);
  }
}
