package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code blockservices}: the disks of the cluster and their states. */
@Command(name = "blockservices", description = "List the block services (disks).")
final class BlockServicesCommand extends LookingCommand {
  @Option(names = "--id", paramLabel = "ID", description = "Only this service.")
  private String id;

  @Option(
      names = "--failure-domain",
      paramLabel = "NAME",
      description = "Only this failure domain.")
  private String failureDomain;

  @Option(names = "--class", paramLabel = "HDD|FLASH", description = "Only this storage class.")
  private String storageClass;

  @Option(
      names = "--path-prefix",
      paramLabel = "PREFIX",
      description = "Only services whose path starts with PREFIX.")
  private String pathPrefix;

  @Option(
      names = "--flags",
      paramLabel = "A|B",
      description = "Only services with any of these flags (0: with none).")
  private String flags;

  @Override
  int run(EggsClient client) throws Exception {
    AllBlockServicesDeprecatedResponse answer =
        client.shuckle().call(new AllBlockServicesDeprecatedRequest());
    int wanted = flags == null ? 0 : Tables.flagMask(flags);
    long wantedId = id == null ? 0 : Numbers.id("--id", id);
    List<BlockServiceDeprecatedInfo> services =
        answer.blockServices().stream()
            .filter(s -> id == null || s.id() == wantedId)
            .filter(
                s ->
                    failureDomain == null
                        || Tables.failureDomain(s.failureDomain()).equals(failureDomain))
            .filter(
                s ->
                    storageClass == null
                        || Policies.className(s.storageClass())
                            .equals(storageClass.toUpperCase(Locale.ROOT)))
            .filter(s -> pathPrefix == null || EggsPath.text(s.path()).startsWith(pathPrefix))
            .filter(
                s -> flags == null || (wanted == 0 ? s.flags() == 0 : (s.flags() & wanted) != 0))
            .sorted(
                Comparator.comparing(
                        (BlockServiceDeprecatedInfo s) -> Tables.failureDomain(s.failureDomain()))
                    .thenComparing(s -> EggsPath.text(s.path())))
            .toList();
    if (json) {
      print(toJson(services));
    } else {
      table(services).print(out);
    }
    return ExitCodes.OK;
  }

  private static ArrayNode toJson(List<BlockServiceDeprecatedInfo> services) {
    ArrayNode list = object().arrayNode();
    for (BlockServiceDeprecatedInfo service : services) {
      list.addObject()
          .put("id", MessageJson.hex(service.id()))
          .put("failureDomain", Tables.failureDomain(service.failureDomain()))
          .put("class", Policies.className(service.storageClass()))
          .put("flags", Tables.flags(service.flags()))
          .put("flagsLastChanged", MessageJson.timeText(service.flagsLastChanged()))
          .put("addresses", Tables.addresses(service.addrs()))
          .put("capacity", service.capacityBytes())
          .put("available", service.availableBytes())
          .put("blocks", service.blocks())
          .put("hasFiles", service.hasFiles())
          .put("path", EggsPath.text(service.path()))
          .put("lastSeen", MessageJson.timeText(service.lastSeen()));
    }
    return list;
  }

  private static TablePrinter table(List<BlockServiceDeprecatedInfo> services) {
    Instant now = Instant.now();
    TablePrinter table =
        new TablePrinter(
            "ID",
            "DOMAIN",
            "CLASS",
            "FLAGS",
            "ADDRESSES",
            ">CAPACITY",
            ">FREE",
            ">BLOCKS",
            "FILES",
            ">SEEN",
            "PATH");
    for (BlockServiceDeprecatedInfo service : services) {
      table.row(
          MessageJson.hex(service.id()),
          Tables.failureDomain(service.failureDomain()),
          Policies.className(service.storageClass()),
          Tables.flags(service.flags()),
          Tables.addresses(service.addrs()),
          Units.bytes(service.capacityBytes()),
          Units.bytes(service.availableBytes()),
          service.blocks(),
          service.hasFiles() ? "yes" : "no",
          Units.ago(service.lastSeen(), now),
          EggsPath.text(service.path()));
    }
    return table;
  }
}
