package org.eggsfs.tests.scenario;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LinkFileResponse;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameResponse;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileResponse;
import org.eggsfs.tests.check.NameHistory;
import org.eggsfs.tests.cluster.ClusterConfig;

/**
 * Goal: operations of many clients on the same few names are linearizable. Method: clients link,
 * look up, unlink and rename by single requests, each noting when it began and ended; {@link
 * NameHistory} judges.
 */
final class NameRaces extends DisturbedScenario {
  private static final int CLIENTS = 6;
  private static final int NAMES = 4;

  NameRaces(String name, ClusterConfig cluster, Disturbance disturbance, boolean inShortSuite) {
    super(name, cluster, disturbance, inShortSuite);
  }

  @Override
  public String oracle() {
    return "all operations linearizable, each effect exactly once";
  }

  @Override
  public void run(Run run) throws Exception {
    long directory = run.connect().paths().mkdir("/raced");
    NameHistory history = new NameHistory();
    int steps = run.size(5_000, 400);
    disturbance.during(
        run,
        () ->
            run.atOnce(
                CLIENTS,
                actor -> {
                  Racer racer = new Racer(run.connect(), directory, history, run.random(actor));
                  for (int i = 0; i < steps; i++) {
                    racer.step();
                    run.count("operations", 1);
                  }
                }));
    history.check(run.connectDirectly(), directory);
    history.verdictCounts().forEach(run::count);
  }

  /** One client. What it saw of a name last is what its next change refers to. */
  private static final class Racer {
    private final EggsClient client;
    private final long directory;
    private final int shard;
    private final NameHistory history;
    private final SplittableRandom random;
    private final Map<String, LookupResponse> seen = new TreeMap<>();

    Racer(EggsClient client, long directory, NameHistory history, SplittableRandom random) {
      this.client = client;
      this.directory = directory;
      this.shard = InodeIds.shard(directory);
      this.history = history;
      this.random = random;
    }

    void step() throws Exception {
      String name = "name" + random.nextInt(NAMES);
      LookupResponse last = seen.get(name);
      switch (random.nextInt(last == null ? 2 : 5)) {
        case 0 -> link(name);
        case 1, 2 -> lookUp(name);
        case 3 -> unlink(name, last);
        default -> rename(name, last, "name" + random.nextInt(NAMES));
      }
    }

    private void link(String name) throws Exception {
      ConstructFileResponse file =
          client.shard(shard, new ConstructFileRequest(InodeType.FILE, bytes(name)));
      NameHistory.Call call = history.begin();
      LinkFileResponse linked =
          client.shard(
              shard, new LinkFileRequest(file.id(), file.cookie(), directory, bytes(name)));
      call.changed(
          linked.creationTime(), List.of(), List.of(new NameHistory.Made(name, file.id())));
      seen.put(name, new LookupResponse(file.id(), linked.creationTime()));
    }

    private void lookUp(String name) throws Exception {
      NameHistory.Call call = history.begin();
      try {
        LookupResponse found = client.shard(shard, new LookupRequest(directory, bytes(name)));
        call.saw(name, found.targetId(), found.creationTime());
        seen.put(name, found);
      } catch (EggsException e) {
        if (e.code() != ErrorCode.NAME_NOT_FOUND) {
          throw e;
        }
        call.saw(name, InodeIds.NULL, 0);
        seen.remove(name);
      }
    }

    private void unlink(String name, LookupResponse edge) throws Exception {
      NameHistory.Call call = history.begin();
      try {
        SoftUnlinkFileResponse done =
            client.shard(
                shard,
                new SoftUnlinkFileRequest(
                    directory, edge.targetId(), bytes(name), edge.creationTime()));
        call.changed(
            done.deleteCreationTime(),
            List.of(new NameHistory.Used(name, edge.targetId(), edge.creationTime())),
            List.of(new NameHistory.Made(name, InodeIds.NULL)));
      } catch (EggsException e) {
        call.refused(e.code(), name, edge.targetId(), edge.creationTime());
      }
      seen.remove(name);
    }

    private void rename(String from, LookupResponse edge, String to) throws Exception {
      if (from.equals(to)) {
        lookUp(from);
        return;
      }
      NameHistory.Call call = history.begin();
      try {
        SameDirectoryRenameResponse done =
            client.shard(
                shard,
                new SameDirectoryRenameRequest(
                    edge.targetId(), directory, bytes(from), edge.creationTime(), bytes(to)));
        call.changed(
            done.newCreationTime(),
            List.of(new NameHistory.Used(from, edge.targetId(), edge.creationTime())),
            List.of(
                new NameHistory.Made(from, InodeIds.NULL),
                new NameHistory.Made(to, edge.targetId())));
        seen.put(to, new LookupResponse(edge.targetId(), done.newCreationTime()));
      } catch (EggsException e) {
        call.refused(e.code(), from, edge.targetId(), edge.creationTime());
      }
      seen.remove(from);
    }

    private static byte[] bytes(String text) {
      return text.getBytes(StandardCharsets.ISO_8859_1);
    }
  }
}
