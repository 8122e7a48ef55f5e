package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/**
 * Goal: the JSON of every message keeps every byte, and reads what operators write. Method: golden
 * vectors through JSON and back; requests written by hand.
 */
class MessageJsonTest {
  private static final JsonMapper MAPPER = new JsonMapper();
  private final MessageJson messages = MessageJson.load();

  @Test
  void everyGoldenMessageSurvivesJson() throws IOException {
    int checked = 0;
    try (InputStream in = getClass().getResourceAsStream("/vectors/messages.json")) {
      for (JsonNode vector : MAPPER.readTree(in).get("vectors")) {
        if (vector.get("service").asText().equals("struct")) {
          continue;
        }
        MessageJson.Message message =
            messages
                .find(vector.get("service").asText(), vector.get("message").asText())
                .orElseThrow();
        byte[] bytes = HexFormat.of().parseHex(vector.get("hex").asText());
        boolean request = vector.get("direction").asText().equals("request");
        JsonNode json =
            request
                ? messages.decodeRequest(message, ByteBuffer.wrap(bytes))
                : messages.decodeResponse(message, ByteBuffer.wrap(bytes));
        JsonNode typed = MAPPER.readTree(json.toString());
        ByteBuffer again =
            request
                ? messages.encodeRequest(message, typed)
                : messages.encodeResponse(message, typed);
        assertArrayEquals(bytes, again.array(), () -> message.name() + " " + json);
        checked++;
      }
    }
    assertTrue(checked > 500, "vectors found: " + checked);
  }

  @Test
  void formsOfTheManual() throws IOException {
    MessageJson.Message lookup = messages.find("shard", "LOOKUP").orElseThrow();
    ByteBuffer body =
        messages.encodeRequest(
            lookup, MAPPER.readTree("{\"DirId\":\"0x2000000000000000\",\"Name\":\"a\"}"));
    assertEquals("00000000000000200161", HexFormat.of().formatHex(body.array()));

    ByteBuffer answer =
        ByteBuffer.wrap(HexFormat.of().parseHex("0501000000000040" + "0100000000000000"));
    assertEquals(
        "{\"TargetId\":\"0x4000000000000105\",\"CreationTime\":\"1970-01-01T00:00:00.000000001Z\"}",
        messages.decodeResponse(lookup, answer).toString());
  }

  @Test
  void missingFieldsAreZeroAndUnknownOnesAreRefused() throws IOException {
    MessageJson.Message stat = messages.find("shard", "STAT_FILE").orElseThrow();
    assertArrayEquals(new byte[8], messages.encodeRequest(stat, MAPPER.readTree("{}")).array());
    IllegalArgumentException unknown =
        assertThrows(
            IllegalArgumentException.class,
            () -> messages.encodeRequest(stat, MAPPER.readTree("{\"Ident\":1}")));
    assertTrue(unknown.getMessage().contains("Ident"), unknown.getMessage());
  }

  @Test
  void valuesOutOfRangeAreRefused() throws IOException {
    MessageJson.Message construct = messages.find("shard", "CONSTRUCT_FILE").orElseThrow();
    for (String bad : new String[] {"{\"Type\":256}", "{\"Type\":-1}", "{\"Type\":\"x\"}", "[]"}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> messages.encodeRequest(construct, MAPPER.readTree(bad)),
          bad);
    }
    String longNote = "{\"Note\":\"" + "n".repeat(256) + "\"}";
    assertThrows(
        IllegalArgumentException.class,
        () -> messages.encodeRequest(construct, MAPPER.readTree(longNote)));
  }

  @Test
  void kindNames() {
    assertEquals(
        "ADD_SPAN_INITIATE_WITH_REFERENCE",
        messages.find("shard", "AddSpanInitiateWithReference").orElseThrow().kindName());
    assertEquals(48, messages.messages("shard").size());
    assertFalse(messages.find("shard", "NOT_A_KIND").isPresent());
    assertFalse(messages.find("cdc", "LOOKUP").isPresent());
  }
}
