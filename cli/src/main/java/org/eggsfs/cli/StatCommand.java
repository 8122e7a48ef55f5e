package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.eggsfs.client.DirectoryPolicies;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.ResolvedPath;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.BlockService;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code stat}: everything about one path. */
@Command(name = "stat", description = "Show inode, owner, size, times, policies and blocks.")
final class StatCommand extends LookingCommand {
  @Option(names = "--blocks", description = "Show the spans of a file and where their blocks are.")
  private boolean blocks;

  @Parameters(paramLabel = "PATH")
  private String path;

  @Override
  int run(EggsClient client) throws Exception {
    String cleaned = EggsPath.parse(path);
    try {
      ResolvedPath resolved = client.paths().resolve(cleaned);
      Attributes attributes = Attributes.read(client, resolved.id());
      ObjectNode node = object();
      EggsPath.put(node, "path", cleaned);
      Attributes.putIds(node, resolved.id(), resolved.creationTime());
      node.put("shard", InodeIds.shard(resolved.id()));
      node.put("owner", InodeIds.format(resolved.ownerId()));
      attributes.put(node);
      if (InodeIds.isDirectory(resolved.id())) {
        node.set("policies", policies(client, resolved.id()));
      } else if (blocks) {
        node.set("spans", spans(client, resolved.id()));
      }
      if (json) {
        print(node);
      } else {
        show(cleaned, node, attributes);
      }
      return ExitCodes.OK;
    } catch (EggsException e) {
      throw Failures.at(cleaned, e);
    }
  }

  private void show(String cleaned, ObjectNode node, Attributes attributes) {
    line("path", EggsPath.shown(cleaned));
    line("inode", node.path("id").asText() + " (" + node.path("type").asText() + ")");
    line("shard", node.path("shard").asText());
    line("owner", node.path("owner").asText());
    if (node.has("created")) {
      line("created", node.path("created").asText());
    }
    if (attributes.stat() != null) {
      line("size", attributes.stat().size() + " (" + Units.bytes(attributes.stat().size()) + ")");
      line("modified", node.path("mtime").asText());
      line("accessed", node.path("atime").asText());
    }
    if (attributes.target() != null) {
      line("target", EggsPath.shown(attributes.target()));
    }
    node.path("policies")
        .properties()
        .forEach(
            policy ->
                line(
                    policy.getKey().toLowerCase(java.util.Locale.ROOT),
                    policy.getValue().path("policy")
                        + " from "
                        + policy.getValue().path("from").asText()));
    node.path("spans").forEach(span -> showSpan((ObjectNode) span));
  }

  private void line(String name, String value) {
    out.printf("%-10s%s%n", name, value);
  }

  private void showSpan(ObjectNode span) {
    String head =
        "span %d +%d crc %s"
            .formatted(
                span.path("offset").asLong(),
                span.path("size").asLong(),
                span.path("crc").asText());
    if (span.has("inline")) {
      out.println(head + " inline, " + span.path("inline").asInt() + " bytes");
      return;
    }
    for (var location : span.path("locations")) {
      out.printf(
          "%s location %d %s %s stripes %d cell %d%n",
          head,
          location.path("location").asInt(),
          location.path("class").asText(),
          location.path("parity").asText(),
          location.path("stripes").asInt(),
          location.path("cellSize").asLong());
      TablePrinter table = new TablePrinter("  BLOCK", "CRC", "SERVICE", "ADDRESS", "FLAGS");
      for (var block : location.path("blocks")) {
        table.row(
            "  " + block.path("id").asText(),
            block.path("crc").asText(),
            block.path("service").asText(),
            block.path("address").asText(),
            block.path("flags").asText());
      }
      table.print(out);
    }
  }

  /** All four policies with the directory each comes from. */
  static ObjectNode policies(EggsClient client, long directory) throws Exception {
    DirectoryPolicies policies = client.inodes().policies(directory);
    ObjectNode node = object();
    for (Map.Entry<String, Integer> tag : Policies.TAGS.entrySet()) {
      byte[] body =
          Policies.bytes(
              switch (tag.getKey()) {
                case "SNAPSHOT" -> policies.snapshot();
                case "SPAN" -> policies.span();
                case "BLOCK" -> policies.block();
                default -> policies.stripe();
              });
      long source = policies.sources().getOrDefault(tag.getValue(), InodeIds.NULL);
      ObjectNode policy = node.putObject(tag.getKey());
      policy.set("policy", Policies.decode(tag.getValue(), body));
      policy.put("from", InodeIds.format(source));
      policy.put("inherited", source != directory);
    }
    return node;
  }

  private static ArrayNode spans(EggsClient client, long file) throws Exception {
    ArrayNode list = object().arrayNode();
    StoredSpan.visit(
        client,
        file,
        span -> {
          ObjectNode node = list.addObject();
          node.put("offset", span.offset());
          node.put("size", span.size());
          node.put("crc", "%08x".formatted(span.crc()));
          if (span.isInline()) {
            node.put("inline", span.inlineBytes());
          } else {
            ArrayNode places = node.putArray("locations");
            span.copies().forEach(copy -> putLocation(places, copy));
          }
          return true;
        });
    return list;
  }

  private static void putLocation(ArrayNode places, StoredSpan.Copy copy) {
    ObjectNode node = places.addObject();
    node.put("location", copy.location());
    node.put("class", Policies.className(copy.storageClass()));
    node.put("parity", Parity.format(copy.parity()));
    node.put("stripes", copy.stripes());
    node.put("cellSize", copy.cellSize());
    ArrayNode list = node.putArray("blocks");
    for (StoredSpan.StoredBlock block : copy.blocks()) {
      BlockService service = block.service();
      list.addObject()
          .put("id", MessageJson.hex(block.id()))
          .put("crc", "%08x".formatted(block.crc()))
          .put("service", MessageJson.hex(service.id()))
          .put("address", Tables.address(service.addrs().addr1()))
          .put("flags", Tables.flags(service.flags()));
    }
  }
}
