package org.eggsfs.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.util.concurrent.Callable;
import org.eggsfs.client.EggsClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A command that talks to a cluster: connects, does its work, disconnects. */
@Command(mixinStandardHelpOptions = true, sortOptions = false)
abstract class ClientCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  /** Data goes here, messages to standard error. */
  final PrintStream out = System.out;

  @Override
  public Integer call() throws Exception {
    try (EggsClient client = connect()) {
      int exitCode = run(client);
      requireOutput();
      return exitCode;
    }
  }

  /** Fails when what was printed has not arrived: a full disk, a reader that has ended. */
  final void requireOutput() throws CommandFailure {
    // It flushes first; a print stream keeps its errors to itself otherwise.
    if (out.checkError()) {
      throw new CommandFailure("cannot write standard output");
    }
  }

  EggsClient connect() throws Exception {
    return cluster().connect();
  }

  /** How to reach the cluster: options of the top command, which all commands inherit. */
  final ClusterOptions cluster() {
    return ((ClusterOwner) spec.root().userObject()).cluster();
  }

  /** Does the work; the result is the exit code. */
  abstract int run(EggsClient client) throws Exception;

  /** An empty JSON object. */
  static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** Prints JSON for programs, indented for people. */
  void print(JsonNode json) {
    out.println(json.toPrettyString());
  }
}
