package org.eggsfs.dist;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The floors of the house: who may use whom, and what the pure state packages may never touch.
 *
 * <p>The rules look at compiled classes, so a module that reaches upwards fails here even where its
 * POM would allow it.
 */
class FloorsTest {
  private static final List<String> SERVERS = List.of("shuckle", "shard", "cdc", "blocks");
  private static JavaClasses classes;

  @BeforeAll
  static void readClasses() {
    classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("org.eggsfs");
  }

  @Test
  void coreUsesNothingAboveIt() {
    onlyBelow("core", "protocol", "store", "consensus", "net", "client", "shuckle", "shard");
    onlyBelow("core", "cdc", "blocks", "cli", "bench", "run");
  }

  @Test
  void protocolUsesOnlyCore() {
    onlyBelow("protocol", "store", "consensus", "net", "client", "shuckle", "shard", "cdc");
    onlyBelow("protocol", "blocks", "cli", "bench", "run");
  }

  @Test
  void libraryFloorsDoNotKnowClientsAndServers() {
    for (String module : List.of("store", "consensus", "net")) {
      onlyBelow(module, "client", "shuckle", "shard", "cdc", "blocks", "cli", "bench", "run");
    }
  }

  @Test
  void serversDoNotKnowEachOtherOrTheClient() {
    for (String server : SERVERS) {
      for (String other : SERVERS) {
        if (!server.equals(other)) {
          onlyBelow(server, other);
        }
      }
      onlyBelow(server, "client", "cli", "bench", "run");
    }
  }

  @Test
  void theClientDoesNotKnowServersAndCommands() {
    onlyBelow("client", "shuckle", "shard", "cdc", "blocks", "store", "consensus");
    onlyBelow("client", "cli", "bench", "run");
  }

  @Test
  void theCommandLineIsKnownOnlyOnTheTopFloor() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "org.eggsfs.cli..",
            "org.eggsfs.bench..",
            "org.eggsfs.sim..",
            "org.eggsfs.tests..",
            "org.eggsfs.run..",
            "org.eggsfs.dist..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("picocli..")
        .check(classes);
  }

  @Test
  void statePackagesArePure() {
    ArchRule rule =
        noClasses()
            .that()
            .resideInAPackage("org.eggsfs..state..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "java.net..",
                "java.nio.channels..",
                "java.nio.file..",
                "java.time..",
                "java.util.concurrent..",
                "java.util.logging..",
                "java.util.random..",
                "org.rocksdb..")
            .orShould()
            .dependOnClassesThat()
            .haveNameMatching(
                "java\\.util\\.(Random|SplittableRandom|Timer)"
                    + "|java\\.security\\.SecureRandom"
                    + "|java\\.lang\\.(Thread|ThreadLocal|System\\$Logger|ProcessHandle)"
                    + "|java\\.io\\.(File|RandomAccessFile|FileInputStream|FileOutputStream)")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(Math.class, "random")
            .allowEmptyShould(true);
    rule.check(classes);
  }

  @Test
  void coreStartsNoThreadsAndOpensNothing() {
    noClasses()
        .that()
        .resideInAPackage("org.eggsfs.core..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("java.net..", "java.nio.channels..", "org.rocksdb..")
        .check(classes);
  }

  private static void onlyBelow(String module, String... forbidden) {
    for (String above : forbidden) {
      noClasses()
          .that()
          .resideInAPackage("org.eggsfs." + module + "..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.eggsfs." + above + "..")
          .allowEmptyShould(true)
          .because("the floors of the house allow only what lies below")
          .check(classes);
    }
  }
}
