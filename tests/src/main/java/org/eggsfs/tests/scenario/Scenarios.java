package org.eggsfs.tests.scenario;

import java.util.List;
import org.eggsfs.tests.cluster.Cluster;
import org.eggsfs.tests.cluster.ClusterConfig;
import org.eggsfs.tests.faults.PacketFaults;

/** All scenarios in the order they run: those that share a cluster beside each other. */
public final class Scenarios {
  private static final ClusterConfig ONE = ClusterConfig.ONE_PROCESS;
  private static final ClusterConfig MANY = ClusterConfig.PROCESSES;

  /** Between clients and servers everything may happen to one packet of ten. */
  private static final ClusterConfig BAD_NETWORK =
      ONE.withFaults(PacketFaults.of(0.1), PacketFaults.NONE);

  /** And between CDC and shards too. */
  private static final ClusterConfig WORSE_NETWORK =
      MANY.withFaults(PacketFaults.of(0.02), PacketFaults.of(0.1));

  private Scenarios() {}

  /** The whole suite. */
  public static List<Scenario> all() {
    Disturbance crashes = Faults.repeated("crashes", 5_000, Faults.crashOfEverything());
    Disturbance metadataKills =
        Faults.repeated("kills", 3_000, Faults.kill(Cluster.SHARDS, Cluster.CDC, Cluster.SHUCKLE));
    Disturbance silences =
        Faults.repeated(
            "silences", 2_000, Faults.silence(Cluster.SHARDS, Cluster.CDC, Cluster.SHUCKLE));
    Disturbance lostServers = Faults.repeated("losses", 3_000, Faults.loseBlockServers(4, 6_000));
    return List.of(
        new FileHistory("file history", ONE, Disturbance.NONE, 10_000, 600, true),
        new DirectFiles("direct files", ONE, Disturbance.NONE, true, true),
        new ParallelDirectories("parallel directories", ONE, Disturbance.NONE, true),
        new ParallelWrites(),
        new DirectoryListing(),
        new LargeFile(),
        new CopyCommands(),
        new Scrubbed(),
        new Defragmented(),
        new MountModel(),
        new MountCoherence(),
        new MountWriters(),
        new NameRaces("name races", ONE, Disturbance.NONE, true),
        new DirectoryRaces("directory races", ONE, Disturbance.NONE),
        new FileHistory("crash history", ONE, crashes, 3_000, 200, true),
        new DirectFiles("crash files", ONE, crashes, false, false),
        new FileHistory("packets history", BAD_NETWORK, Disturbance.NONE, 2_000, 200, true),
        new NameRaces("packets name races", BAD_NETWORK, Disturbance.NONE, true),
        new DirectoryRaces("packets directory races", WORSE_NETWORK, Disturbance.NONE),
        new ParallelDirectories(
            "packets parallel directories", WORSE_NETWORK, Disturbance.NONE, false),
        new FileHistory("kill metadata history", MANY, metadataKills, 3_000, 150, true),
        new DirectFiles("kill metadata files", MANY, metadataKills, false, false),
        new ParallelDirectories("kill metadata directories", MANY, metadataKills, false),
        new FileHistory("silence metadata history", MANY, silences, 2_000, 150, false),
        new DirectFiles("lose block servers", MANY, lostServers, false, true),
        new MountKills(),
        new RetireDisks(),
        new GcUnderLoad());
  }
}
