package org.eggsfs.run;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How a role is started in a process of its own: by the launcher, or in tests by this JVM's. */
final class ChildCommand {
  private ChildCommand() {}

  /**
   * The command up to the role's arguments.
   *
   * @param temporary where a JVM without our launcher unpacks native libraries; it leaves them
   *     there when it is killed
   */
  static List<String> of(String role, Path temporary) {
    String home = System.getProperty("eggsfs.home");
    if (home != null) {
      Path launcher = Path.of(home, "bin", "eggs" + role);
      if (Files.isExecutable(launcher)) {
        return List.of(launcher.toString());
      }
    }
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xmx128m",
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
