package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.eggsfs.client.EggsClient;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Command;

/** Goal: what was printed for nobody is no success. Method: standard output is a full disk. */
class OutputTest {
  /** A command that needs no cluster. */
  @Command(name = "printing")
  static final class Printing extends ClientCommand {
    @Override
    EggsClient connect() {
      return null;
    }

    @Override
    int run(EggsClient client) {
      out.println("a line");
      return ExitCodes.OK;
    }
  }

  private static final class FullDisk extends OutputStream {
    @Override
    public void write(int b) throws IOException {
      throw new IOException("no space left on device");
    }
  }

  @Test
  void outputThatIsLostIsAFailure() {
    assertEquals(ExitCodes.OK, CommandRunner.run(new Printing()));
    PrintStream before = System.out;
    // Buffered like the real one: the error comes when it is flushed.
    try (PrintStream full =
        new PrintStream(new BufferedOutputStream(new FullDisk()), false, StandardCharsets.UTF_8)) {
      System.setOut(full);
      assertEquals(ExitCodes.FAILED, CommandRunner.run(new Printing()));
      assertEquals(ExitCodes.FAILED, EggsCli.run("completion"));
    } finally {
      System.setOut(before);
    }
  }
}
