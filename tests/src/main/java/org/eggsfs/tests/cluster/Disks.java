package org.eggsfs.tests.cluster;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.FailureDomain;

/** The block services as the shuckle knows them, and where their files are. */
public final class Disks {
  private Disks() {}

  /**
   * One block service.
   *
   * @param storageClass of {@link org.eggsfs.protocol.StorageClass}
   * @param flags of {@link BlockServiceFlags}
   * @param path its directory on this machine
   */
  public record Disk(long id, FailureDomain domain, int storageClass, int flags, Path path) {
    /** Whether it was given up for good. */
    public boolean isDecommissioned() {
      return (flags & BlockServiceFlags.DECOMMISSIONED) != 0;
    }
  }

  /** All of them by id. */
  public static Map<Long, Disk> all(EggsClient client) throws IOException, EggsException {
    AllBlockServicesDeprecatedResponse all =
        client.shuckle().call(new AllBlockServicesDeprecatedRequest());
    Map<Long, Disk> disks = new HashMap<>();
    for (BlockServiceDeprecatedInfo info : all.blockServices()) {
      String path = new String(info.path(), StandardCharsets.UTF_8);
      disks.put(
          info.id(),
          new Disk(
              info.id(),
              info.failureDomain(),
              info.storageClass(),
              info.flags(),
              Path.of(path.substring(path.indexOf(':') + 1))));
    }
    return disks;
  }

  /** Gives a block service up for good, as an operator does. */
  public static void decommission(EggsClient client, long id) throws IOException, EggsException {
    client
        .shuckle()
        .call(
            new SetBlockServiceFlagsRequest(
                id, BlockServiceFlags.DECOMMISSIONED, BlockServiceFlags.DECOMMISSIONED));
  }
}
