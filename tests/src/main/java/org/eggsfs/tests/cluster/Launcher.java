package org.eggsfs.tests.cluster;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How a role of this program is started: by the launcher, or in tests by this JVM's own. */
public final class Launcher {
  private Launcher() {}

  /**
   * The command up to the role's arguments.
   *
   * @param temporary where a JVM without our launcher unpacks native libraries; it leaves them
   *     there when it is killed
   */
  public static List<String> command(String role, Path temporary) {
    String home = System.getProperty("eggsfs.home");
    if (home != null) {
      Path launcher = Path.of(home, "bin", "eggs");
      if (Files.isExecutable(launcher)) {
        return List.of(launcher.toString(), role);
      }
    }
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:+UseSerialGC",
        "-Xmx384m",
        "-XX:-UsePerfData",
        "-Djava.io.tmpdir=" + temporary,
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-cp",
        System.getProperty("java.class.path"),
        "org.eggsfs.run.Eggs",
        role);
  }
}
