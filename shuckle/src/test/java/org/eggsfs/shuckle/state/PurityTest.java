package org.eggsfs.shuckle.state;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The state machine gets everything it needs as arguments, so that it can be replayed. */
@AnalyzeClasses(
    packages = "org.eggsfs.shuckle.state",
    importOptions = ImportOption.DoNotIncludeTests.class)
class PurityTest {
  @ArchTest
  static final ArchRule USES_NO_CLOCK_RANDOMNESS_THREAD_SOCKET_LOGGER_OR_DATABASE =
      noClasses()
          .should()
          .dependOnClassesThat()
          .haveNameMatching(
              "java\\.time\\.Clock|java\\.util\\.Random|java\\.util\\.random\\..*"
                  + "|java\\.util\\.concurrent\\..*|java\\.lang\\.Thread|java\\.lang\\.System\\$.*"
                  + "|java\\.net\\..*|java\\.nio\\.channels\\..*|java\\.nio\\.file\\..*"
                  + "|org\\.rocksdb\\..*|org\\.eggsfs\\.shuckle\\.server\\..*")
          .orShould()
          .callMethod(System.class, "nanoTime")
          .orShould()
          .callMethod(System.class, "currentTimeMillis");
}
