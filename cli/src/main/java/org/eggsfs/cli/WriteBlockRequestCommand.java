package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.Crc32c;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code write-block-req}: a write request with its certificate, for debugging (cli.md 2.4). */
@Command(
    name = "write-block-req",
    description = {
      "Print the request that writes a file as a block, with the certificate a shard would give.",
      "For debugging only: it uses the block service's secret key."
    })
final class WriteBlockRequestCommand extends LookingCommand {
  private static final long BLOCK_SIZE_MAX = 100L << 20;

  @Option(
      names = {"-b", "--block"},
      paramLabel = "ID",
      required = true,
      description = "The block's id.")
  private String block;

  @Option(names = "--bs", paramLabel = "ID", required = true, description = "The block service.")
  private String service;

  @Option(names = "--file", paramLabel = "FILE", required = true, description = "The content.")
  private Path file;

  @Override
  int run(EggsClient client) throws Exception {
    long blockId = Numbers.id("--block", block);
    BlockServiceDeprecatedInfo found = BlockServices.read(client).named("--bs", service);
    byte[] content = content();
    int crc = Crc32c.sum(0, content, 0, content.length);
    long certificate =
        Certificates.writeCertificate(
            new CbcMac(found.secretKey()), found.id(), blockId, crc, content.length);
    if (json) {
      ObjectNode node = object();
      node.put("blockService", MessageJson.hex(found.id()))
          .put("addresses", Tables.addresses(found.addrs()))
          .put("block", MessageJson.hex(blockId))
          .put("crc", "%08x".formatted(crc))
          .put("size", content.length)
          .put("certificate", "%016x".formatted(Long.reverseBytes(certificate)));
      print(node);
      return ExitCodes.OK;
    }
    out.printf(
        "WRITE_BLOCK service %s at %s block %s crc %08x size %d certificate %016x%n",
        MessageJson.hex(found.id()),
        Tables.addresses(found.addrs()),
        MessageJson.hex(blockId),
        crc,
        content.length,
        Long.reverseBytes(certificate));
    return ExitCodes.OK;
  }

  private byte[] content() throws CommandFailure {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes((int) BLOCK_SIZE_MAX + 1);
      if (bytes.length > BLOCK_SIZE_MAX) {
        throw new CommandFailure(file + ": larger than a block can be, 100 MiB");
      }
      return bytes;
    } catch (IOException e) {
      throw new CommandFailure(ExitCodes.FAILED, file + ": " + CommandRunner.describe(e), e);
    }
  }
}
