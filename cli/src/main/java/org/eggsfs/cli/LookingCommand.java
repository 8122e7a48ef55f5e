package org.eggsfs.cli;

import picocli.CommandLine.Option;

/** A command that looks and changes nothing; it can answer in JSON. */
abstract class LookingCommand extends ClientCommand {
  @Option(names = "--json", description = "Answer in JSON.")
  boolean json;
}
