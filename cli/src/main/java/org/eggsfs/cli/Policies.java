package org.eggsfs.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.eggsfs.core.Durations;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.BlockPolicy;
import org.eggsfs.protocol.struct.BlockPolicyEntry;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.eggsfs.protocol.struct.SpanPolicy;
import org.eggsfs.protocol.struct.SpanPolicyEntry;
import org.eggsfs.protocol.struct.StripePolicy;

/**
 * The four policies of a directory as JSON (cli.md section 2.2) and as the bytes they travel in.
 */
final class Policies {
  /** Names of the tags as operators write them. */
  static final Map<String, Integer> TAGS =
      new TreeMap<>(
          Map.of(
              "SNAPSHOT", DirectoryInfoTag.SNAPSHOT,
              "SPAN", DirectoryInfoTag.SPAN,
              "BLOCK", DirectoryInfoTag.BLOCK,
              "STRIPE", DirectoryInfoTag.STRIPE));

  private static final JsonMapper MAPPER = new JsonMapper();
  private static final long TIME_ACTIVE = Long.MIN_VALUE;
  private static final int VERSIONS_ACTIVE = 1 << 15;
  private static final long PAGE = 4096;
  private static final long SPAN_SIZE_MAX = 100L << 20;
  private static final int BODY_LENGTH_MAX = 255;

  private Policies() {}

  /** The name of a tag; its number where we do not know it. */
  static String tagName(int tag) {
    return TAGS.entrySet().stream()
        .filter(entry -> entry.getValue() == tag)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse(Integer.toString(tag));
  }

  static int tag(String name) throws CommandFailure {
    Integer tag = TAGS.get(name.toUpperCase(Locale.ROOT));
    if (tag == null) {
      throw new CommandFailure(
          ExitCodes.USAGE, "no policy '" + name + "'; there are " + TAGS.keySet());
    }
    return tag;
  }

  /** The body of policy {@code tag} that {@code json} describes, validated as shards do. */
  static byte[] encode(int tag, String json) throws CommandFailure {
    JsonNode node;
    try {
      node = MAPPER.readTree(json);
    } catch (JsonProcessingException e) {
      throw new CommandFailure(ExitCodes.USAGE, "no JSON: " + e.getOriginalMessage());
    }
    try {
      Message policy =
          switch (tag) {
            case DirectoryInfoTag.SNAPSHOT -> snapshot(node);
            case DirectoryInfoTag.SPAN -> span(node);
            case DirectoryInfoTag.BLOCK -> block(node);
            case DirectoryInfoTag.STRIPE -> stripe(node);
            default -> throw new IllegalArgumentException("unknown tag " + tag);
          };
      if (policy.encodedSize() > BODY_LENGTH_MAX) {
        throw new IllegalArgumentException("too many entries; the limit is 255 bytes");
      }
      return bytes(policy);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, tagName(tag) + " policy: " + e.getMessage());
    }
  }

  /** The bytes of a policy. */
  static byte[] bytes(Message policy) {
    ByteBuffer out = Frames.buffer(policy.encodedSize());
    policy.encode(out);
    return out.array();
  }

  private static SnapshotPolicy snapshot(JsonNode json) {
    only(json, "DeleteAfterTime", "DeleteAfterVersions");
    long time = 0;
    int versions = 0;
    if (json.has("DeleteAfterTime")) {
      time = Durations.parse(json.get("DeleteAfterTime").asText()) | TIME_ACTIVE;
    }
    if (json.has("DeleteAfterVersions")) {
      long count = json.get("DeleteAfterVersions").asLong(-1);
      require(count >= 0 && count < VERSIONS_ACTIVE, "DeleteAfterVersions is 0..32767");
      versions = (int) count | VERSIONS_ACTIVE;
    }
    return new SnapshotPolicy(time, versions);
  }

  private static SpanPolicy span(JsonNode json) {
    only(json, "Entries");
    List<SpanPolicyEntry> entries = new ArrayList<>();
    long previous = 0;
    for (JsonNode entry : json.path("Entries")) {
      only(entry, "MaxSize", "Parity");
      long size = entry.path("MaxSize").asLong();
      require(
          size > previous && size % PAGE == 0 && size <= SPAN_SIZE_MAX,
          "MaxSize " + size + " is not a rising multiple of 4096 up to 100 MiB");
      JsonNode parity = entry.path("Parity");
      require(parity.isArray() && parity.size() == 2, "Parity is [D,P]");
      int data = parity.get(0).asInt(-1);
      int spare = parity.get(1).asInt(-1);
      require(
          data >= 1 && data <= Parity.DATA_MAX && spare >= 0 && spare <= Parity.PARITY_MAX,
          "Parity is [1..15, 0..15]");
      entries.add(new SpanPolicyEntry(size, Parity.of(data, spare)));
      previous = size;
    }
    require(!entries.isEmpty(), "Entries is empty");
    return new SpanPolicy(List.copyOf(entries));
  }

  private static BlockPolicy block(JsonNode json) {
    only(json, "Entries");
    List<BlockPolicyEntry> entries = new ArrayList<>();
    long previous = -1;
    for (JsonNode entry : json.path("Entries")) {
      only(entry, "StorageClass", "MinSize");
      long size = entry.path("MinSize").asLong();
      require(size > previous, "MinSize does not rise");
      String name = entry.path("StorageClass").asText();
      entries.add(new BlockPolicyEntry(classNumber(name), size));
      previous = size;
    }
    require(!entries.isEmpty(), "Entries is empty");
    return new BlockPolicy(List.copyOf(entries));
  }

  private static StripePolicy stripe(JsonNode json) {
    only(json, "TargetStripeSize");
    long size = json.path("TargetStripeSize").asLong();
    require(size > 0 && size <= 0xffff_ffffL, "TargetStripeSize is 1..4294967295");
    return new StripePolicy(size);
  }

  private static void only(JsonNode json, String... names) {
    require(json.isObject(), "expected an object, found " + json);
    List<String> known = List.of(names);
    json.fieldNames()
        .forEachRemaining(
            name -> require(known.contains(name), "no field " + name + ", only " + known));
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /**
   * The JSON that {@link #encode} would turn into {@code body}; raw numbers for what is unknown.
   */
  static ObjectNode decode(int tag, byte[] body) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ByteBuffer in = ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN);
    try {
      switch (tag) {
        case DirectoryInfoTag.SNAPSHOT -> {
          SnapshotPolicy policy = SnapshotPolicy.decode(in);
          if (policy.deleteAfterTime() < 0) {
            json.put("DeleteAfterTime", goDuration(policy.deleteAfterTime() & Long.MAX_VALUE));
          }
          if ((policy.deleteAfterVersions() & VERSIONS_ACTIVE) != 0) {
            json.put("DeleteAfterVersions", policy.deleteAfterVersions() & ~VERSIONS_ACTIVE);
          }
        }
        case DirectoryInfoTag.SPAN -> {
          ArrayNode entries = json.putArray("Entries");
          for (SpanPolicyEntry entry : SpanPolicy.decode(in).entries()) {
            ObjectNode node = entries.addObject();
            node.put("MaxSize", entry.maxSize());
            node.putArray("Parity")
                .add(Parity.data(entry.parity()))
                .add(Parity.parity(entry.parity()));
          }
        }
        case DirectoryInfoTag.BLOCK -> {
          ArrayNode entries = json.putArray("Entries");
          for (BlockPolicyEntry entry : BlockPolicy.decode(in).entries()) {
            entries
                .addObject()
                .put("StorageClass", className(entry.storageClass()))
                .put("MinSize", entry.minSize());
          }
        }
        case DirectoryInfoTag.STRIPE ->
            json.put("TargetStripeSize", StripePolicy.decode(in).targetStripeSize());
        default -> raw(json, body);
      }
    } catch (MalformedMessageException e) {
      json.removeAll();
      raw(json, body);
    }
    return json;
  }

  private static void raw(ObjectNode json, byte[] body) {
    ArrayNode bytes = json.putArray("Raw");
    for (byte b : body) {
      bytes.add(Byte.toUnsignedInt(b));
    }
  }

  private static String goDuration(long nanos) {
    long hour = 3_600_000_000_000L;
    long second = 1_000_000_000L;
    if (nanos % hour == 0) {
      return nanos / hour + "h";
    }
    return nanos % second == 0 ? nanos / second + "s" : nanos + "ns";
  }

  /**
   * The number of a storage class that blocks can have.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  static int classNumber(String name) {
    return switch (name.toUpperCase(Locale.ROOT)) {
      case "HDD", "2" -> StorageClass.HDD;
      case "FLASH", "3" -> StorageClass.FLASH;
      default -> throw new IllegalArgumentException("a storage class is HDD or FLASH, not " + name);
    };
  }

  static String className(int storageClass) {
    return switch (storageClass) {
      case StorageClass.EMPTY -> "EMPTY";
      case StorageClass.INLINE -> "INLINE";
      case StorageClass.HDD -> "HDD";
      case StorageClass.FLASH -> "FLASH";
      default -> Integer.toString(storageClass);
    };
  }
}
