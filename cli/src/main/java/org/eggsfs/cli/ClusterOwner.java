package org.eggsfs.cli;

/** A top command that carries the cluster options for all its subcommands. */
public interface ClusterOwner {
  /** How to reach the cluster. */
  ClusterOptions cluster();
}
