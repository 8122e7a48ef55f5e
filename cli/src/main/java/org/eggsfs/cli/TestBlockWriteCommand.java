package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code test-block-write}: how fast disks take data (cli.md 2.4). */
@Command(
    name = "test-block-write",
    description = "Write zeros to block services at the same time and forget them; show the rate.")
final class TestBlockWriteCommand extends LookingCommand {
  private static final long SIZE_MAX = 1L << 30;

  @Option(
      names = "--bs",
      paramLabel = "ID[,ID]",
      split = ",",
      required = true,
      description = "The block services.")
  private List<String> ids;

  @Option(
      names = "--size",
      paramLabel = "BYTES",
      required = true,
      description = "How much to each, at most 1 GiB.")
  private long size;

  private record Test(BlockServiceDeprecatedInfo service, double seconds, String error) {}

  @Override
  int run(EggsClient client) throws Exception {
    if (size <= 0 || size > SIZE_MAX) {
      throw new CommandFailure(ExitCodes.USAGE, "--size is 1 to " + SIZE_MAX);
    }
    BlockServices services = BlockServices.read(client);
    List<BlockServiceDeprecatedInfo> wanted = new ArrayList<>();
    for (String id : ids) {
      wanted.add(services.named("--bs", id));
    }
    long start = System.nanoTime();
    List<Test> tests = Parallel.map(wanted, service -> test(client, service));
    double seconds = (System.nanoTime() - start) / 1e9;
    long failed = tests.stream().filter(test -> test.error != null).count();
    double rate = size * (tests.size() - failed) / Math.max(1e-9, seconds);
    if (json) {
      ObjectNode node = object();
      node.put("bytesPerSecond", Math.round(rate));
      var list = node.putArray("services");
      for (Test test : tests) {
        ObjectNode one = list.addObject();
        one.put("id", MessageJson.hex(test.service.id())).put("seconds", test.seconds);
        if (test.error != null) {
          one.put("error", test.error);
        }
      }
      print(node);
    } else {
      TablePrinter table = new TablePrinter("ID", "DOMAIN", ">TIME", ">RATE", "ERROR");
      for (Test test : tests) {
        table.row(
            MessageJson.hex(test.service.id()),
            Tables.failureDomain(test.service.failureDomain()),
            "%.3fs".formatted(test.seconds),
            test.error == null
                ? Units.bytes(Math.round(size / Math.max(1e-9, test.seconds))) + "/s"
                : "-",
            test.error == null ? "" : test.error);
      }
      table.print(out);
      out.println("together " + Units.bytes(Math.round(rate)) + "/s");
    }
    return failed == 0
        ? ExitCodes.OK
        : failed == tests.size() ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }

  private Test test(EggsClient client, BlockServiceDeprecatedInfo service) throws IOException {
    long start = System.nanoTime();
    String error = null;
    try {
      client.blocks().testWrite(service.addrs(), service.id(), size);
    } catch (EggsException e) {
      error = Failures.words(e);
    } catch (java.io.InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      error = "cannot be asked at " + Tables.addresses(service.addrs());
    }
    return new Test(service, (System.nanoTime() - start) / 1e9, error);
  }
}
