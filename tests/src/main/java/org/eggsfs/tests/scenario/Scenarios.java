package org.eggsfs.tests.scenario;

import java.time.Duration;
import java.util.ArrayList;
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

  /**
   * A clock for each process. One that is set forward by two minutes ends no file being written.
   */
  private static final ClusterConfig OWN_CLOCKS =
      MANY.withOwnClocks().withTransientDeadline(Duration.ofSeconds(200));

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
    Disturbance nonsense = Faults.nonsense(200);
    Disturbance clockSteps = Faults.clockSteps(1_000);
    return List.of(
        new FileHistory("file history", ONE, Disturbance.NONE, 10_000, 600, true),
        new DirectFiles("direct files", ONE, Disturbance.NONE, true, true),
        new ParallelDirectories("parallel directories", ONE, Disturbance.NONE, true),
        new ParallelWrites(),
        new DirectoryListing(),
        new LargeFile(),
        new ManyEntries("many files", false, 1_000_000, 4_000),
        new ManyEntries("many directories", true, 100_000, 1_000),
        new CopyCommands(),
        new Scrubbed(),
        new Defragmented(),
        new Undeleted(),
        new ExpiringPast(),
        new MountModel(),
        new MountCoherence(),
        new MountWriters(),
        new NameRaces("name races", ONE, Disturbance.NONE, true),
        new DirectoryRaces("directory races", ONE, Disturbance.NONE, true),
        new FileHistory("crash history", ONE, crashes, 3_000, 200, true),
        new DirectFiles("crash files", ONE, crashes, false, false),
        new FileHistory("packets history", BAD_NETWORK, Disturbance.NONE, 2_000, 120, true),
        new NameRaces("packets name races", BAD_NETWORK, Disturbance.NONE, true),
        new DirectoryRaces("packets directory races", WORSE_NETWORK, Disturbance.NONE, false),
        new ParallelDirectories(
            "packets parallel directories", WORSE_NETWORK, Disturbance.NONE, false),
        new FileHistory("nonsense history", MANY, nonsense, 3_000, 80, true),
        new DirectFiles("nonsense files", MANY, nonsense, false, false),
        new FileHistory("kill metadata history", MANY, metadataKills, 3_000, 150, true),
        new DirectFiles("kill metadata files", MANY, metadataKills, false, false),
        new ParallelDirectories("kill metadata directories", MANY, metadataKills, false),
        new FileHistory("silence metadata history", MANY, silences, 2_000, 150, false),
        new DirectFiles("lose block servers", MANY, lostServers, false, true),
        new MountKills(),
        new FileHistory("clock history", OWN_CLOCKS, clockSteps, 3_000, 150, false),
        new NameRaces("clock name races", OWN_CLOCKS, clockSteps, false),
        new DirectFiles("clock files", OWN_CLOCKS, clockSteps, false, false),
        new RetireDisks(),
        new GcUnderLoad(),
        new Soak(soaked(List.of(Disturbance.NONE, metadataKills, silences, lostServers))));
  }

  /** What a long run draws from, all on the cluster with a process for each role. */
  private static List<Scenario> soaked(List<Disturbance> disturbances) {
    List<Scenario> all = new ArrayList<>();
    for (Disturbance disturbance : disturbances) {
      all.add(new FileHistory("file history", MANY, disturbance, 0, 300, false));
      all.add(new DirectFiles("direct files", MANY, disturbance, true, false));
      all.add(new ParallelDirectories("parallel directories", MANY, disturbance, false));
      all.add(new NameRaces("name races", MANY, disturbance, false));
      all.add(new DirectoryRaces("directory races", MANY, disturbance, false));
    }
    all.addAll(
        List.of(
            new ParallelWrites(),
            new DirectoryListing(),
            new CopyCommands(),
            new Scrubbed(),
            new Defragmented(),
            new Undeleted(),
            new ExpiringPast(),
            new MountModel(),
            new MountCoherence(),
            new MountWriters(),
            new MountKills()));
    return all;
  }
}
