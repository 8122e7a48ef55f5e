package org.eggsfs.cli;

import java.util.List;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;

/** Block services by exactly one of id, failure domain and path prefix. */
record ServiceSelection(String id, String failureDomain, String pathPrefix) {
  static ServiceSelection of(String id, String failureDomain, String pathPrefix)
      throws CommandFailure {
    int given =
        (id == null ? 0 : 1) + (failureDomain == null ? 0 : 1) + (pathPrefix == null ? 0 : 1);
    if (given != 1) {
      throw new CommandFailure(
          ExitCodes.USAGE, "give one of --id, --failure-domain and --path-prefix");
    }
    return new ServiceSelection(id, failureDomain, pathPrefix);
  }

  /** The services meant; none is a failure. */
  List<BlockServiceDeprecatedInfo> select(BlockServices services) throws CommandFailure {
    if (id != null) {
      return List.of(services.named("--id", id));
    }
    List<BlockServiceDeprecatedInfo> selected =
        services.all().stream()
            .filter(
                s ->
                    failureDomain == null
                        ? EggsPath.text(s.path()).startsWith(pathPrefix + ":")
                        : Tables.failureDomain(s.failureDomain()).equals(failureDomain))
            .toList();
    if (selected.isEmpty()) {
      throw new CommandFailure(
          (failureDomain == null
                  ? "--path-prefix " + pathPrefix
                  : "--failure-domain " + failureDomain)
              + ": no block service is like that; see 'eggs cli blockservices'");
    }
    return selected;
  }
}
