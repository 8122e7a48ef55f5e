package org.eggsfs.run;

import java.nio.file.Path;

/**
 * Where the parts of an instance keep their data: {@code shuckle/}, {@code shards/}, {@code cdc/},
 * {@code gc/}, {@code bs_NN/N/}, and {@code pids/} and {@code logs/} of a run in several processes.
 *
 * @param root the data directory
 */
record InstanceLayout(Path root) {
  /** Kind and version of a data directory; grows when a newer program writes another layout. */
  static final String FORMAT = "eggsrun 1";

  Path shuckle() {
    return root.resolve("shuckle");
  }

  Path shards() {
    return root.resolve("shards");
  }

  Path cdc() {
    return root.resolve("cdc");
  }

  Path gc() {
    return root.resolve("gc");
  }

  Path pids() {
    return root.resolve("pids");
  }

  Path logs() {
    return root.resolve("logs");
  }

  /** The directory of one block service of one block server. */
  Path blockService(int server, int service) {
    return root.resolve(blockServer(server)).resolve(Integer.toString(service));
  }

  static String blockServer(int server) {
    return "bs_%02d".formatted(server);
  }
}
