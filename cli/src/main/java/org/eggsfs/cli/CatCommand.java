package org.eggsfs.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code cat}: writes files to standard output. */
@Command(name = "cat", description = "Write files to standard output.")
final class CatCommand extends ClientCommand {
  @Parameters(paramLabel = "PATH", arity = "1..*")
  private List<String> paths;

  @Override
  int run(EggsClient client) throws Exception {
    // Not System.out: bytes are not text, and need no second buffer. Closing it would be wrong.
    @SuppressWarnings("resource")
    OutputStream bytes = new FileOutputStream(FileDescriptor.out);
    return EachPath.apply("cat", paths, path -> copy(client, path, bytes));
  }

  private static void copy(EggsClient client, String path, OutputStream bytes)
      throws EggsException, IOException {
    try (FileReader reader = client.paths().open(path);
        InputStream in = reader.stream()) {
      in.transferTo(bytes);
    }
  }
}
