package org.eggsfs.bench;

import java.util.List;
import java.util.concurrent.Callable;
import org.eggsfs.cli.ExitCodes;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** The JMH benchmarks of the codecs' hot paths. */
@Command(
    name = "jmh",
    mixinStandardHelpOptions = true,
    description = "JMH benchmarks of the codecs; arguments after -- go to JMH (e.g. -- -f 1 -i 3).")
final class JmhBench implements Callable<Integer> {
  @Parameters(paramLabel = "JMH-ARG", arity = "0..*")
  private List<String> arguments = List.of();

  @Override
  public Integer call() throws Exception {
    CommandLineOptions given = new CommandLineOptions(arguments.toArray(String[]::new));
    new Runner(
            new OptionsBuilder()
                .parent(given)
                .jvmArgsAppend(
                    "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED")
                .build())
        .run();
    return ExitCodes.OK;
  }
}
