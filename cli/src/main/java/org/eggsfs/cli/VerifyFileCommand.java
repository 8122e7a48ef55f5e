package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code verify-file}: reads a file back and checks spans and blocks. */
@Command(
    name = "verify-file",
    description = {
      "Read files back, compare each span with its CRC and let the servers check each block.",
      "Exit code 1 when anything is wrong, also when it can be read with the help of parity."
    })
final class VerifyFileCommand extends LookingCommand {
  private static final int READ_BYTES = 1 << 20;

  @Parameters(paramLabel = "PATH|INODE", arity = "1..*")
  private List<String> files;

  private long spans;
  private long blocks;
  private long bytes;

  private BlockServices services;

  @Override
  int run(EggsClient client) throws Exception {
    services = BlockServices.read(client);
    int bad = 0;
    for (String file : files) {
      FileArgument argument = FileArgument.file(client, file);
      List<String> problems = new ArrayList<>();
      spans = 0;
      blocks = 0;
      bytes = 0;
      try (ProgressLine progress = ProgressLine.start("spans");
          FileReader reader = client.files().open(argument.id())) {
        progress.total(reader.size());
        StoredSpan.visit(
            client,
            argument.id(),
            span -> {
              verify(client, reader, span, problems);
              progress.addItem();
              progress.addBytes(span.size());
              return true;
            });
        if (bytes != reader.size()) {
          problems.add("the file has " + reader.size() + " bytes, its spans " + bytes);
        }
      } catch (EggsException e) {
        problems.add(Failures.words(e));
      }
      bad += problems.isEmpty() ? 0 : 1;
      report(argument, problems);
    }
    return bad == 0 ? ExitCodes.OK : bad == files.size() ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }

  private void verify(EggsClient client, FileReader reader, StoredSpan span, List<String> problems)
      throws EggsException, IOException {
    spans++;
    bytes += span.size();
    String where = "span at " + span.offset();
    try {
      int crc = read(reader, span);
      if (crc != span.crc()) {
        problems.add("%s has CRC %08x, should have %08x".formatted(where, crc, span.crc()));
      }
    } catch (EggsException | IOException e) {
      problems.add(where + " cannot be read: " + CommandRunner.describe(e));
    }
    for (StoredSpan.Copy copy : span.copies()) {
      blocks += copy.blocks().size();
      for (String problem : Health.of(client, services, span, copy, true).problems()) {
        problems.add(where + ": " + problem);
      }
    }
  }

  private static int read(FileReader reader, StoredSpan span) throws EggsException, IOException {
    ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(READ_BYTES, span.size()));
    int crc = 0;
    long done = 0;
    while (done < span.size()) {
      buffer.clear().limit((int) Math.min(buffer.capacity(), span.size() - done));
      reader.readFully(span.offset() + done, buffer);
      buffer.flip();
      done += buffer.remaining();
      crc = Crc32c.sum(crc, buffer);
    }
    return crc;
  }

  private void report(FileArgument argument, List<String> problems) {
    if (json) {
      ObjectNode node = object();
      EggsPath.put(node, "file", argument.name());
      node.put("id", InodeIds.format(argument.id()))
          .put("bytes", bytes)
          .put("spans", spans)
          .put("blocks", blocks);
      problems.forEach(node.putArray("problems")::add);
      print(node);
      return;
    }
    problems.forEach(problem -> out.println(argument.text() + ": " + problem));
    out.printf(
        "%s: %d bytes, %d spans, %d blocks: %s%n",
        argument.text(),
        bytes,
        spans,
        blocks,
        problems.isEmpty() ? "good" : problems.size() + " problems");
  }
}
