package org.eggsfs.tests.scenario;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.cluster.Cluster;

/**
 * Goal: the command line copies single files and trees in and out. Method: a file of three bytes to
 * a first and, from there, to a second name, both read by the library; a tree with empty files and
 * empty directories in and out again, compared as bytes.
 */
final class CopyCommands implements Scenario {
  @Override
  public String name() {
    return "cp";
  }

  @Override
  public String oracle() {
    return "bytes of both names, trees equal";
  }

  @Override
  public void run(Run run) throws Exception {
    Path folder = run.folder();
    EggsClient client = run.connect();
    byte[] three = {'a', 0, (byte) 0xff};
    Path local = folder.resolve("three");
    Files.write(local, three);
    ok(run, "cp", local.toString(), "eggs:/first");
    Path back = folder.resolve("back");
    ok(run, "cp", "eggs:/first", back.toString());
    ok(run, "cp", back.toString(), "eggs:/second");
    for (String path : new String[] {"/first", "/second"}) {
      try (FileReader reader = client.paths().open(path)) {
        Failure.unless(
            Arrays.equals(three, reader.stream().readAllBytes()), path + " has other bytes");
      }
    }
    Path tree = folder.resolve("tree");
    SplittableRandom random = run.random(0);
    int files = run.size(2_000, 100);
    for (int i = 0; i < files; i++) {
      Path directory = tree.resolve("d" + i % 17).resolve("e" + i % 5);
      Files.createDirectories(directory);
      int size = i % 10 == 0 ? 0 : random.nextInt(1, 200_000);
      Files.write(directory.resolve("f" + i), Content.bytes(random.nextLong(), size));
    }
    Files.createDirectories(tree.resolve("empty"));
    ok(run, "cp", "-r", tree.toString(), "eggs:/tree");
    Path out = folder.resolve("out");
    ok(run, "cp", "-r", "eggs:/tree", out.toString());
    Map<String, byte[]> expected = contents(tree);
    Map<String, byte[]> found = contents(out);
    Failure.unlessEqual(expected.keySet(), found.keySet(), "names of the copied tree");
    for (Map.Entry<String, byte[]> entry : expected.entrySet()) {
      Failure.unless(
          Arrays.equals(entry.getValue(), found.get(entry.getKey())),
          entry.getKey() + " has other bytes");
    }
    run.count("files", files);
  }

  private static void ok(Run run, String... command) throws Exception {
    Cluster.CliResult result = run.cluster().cli(command);
    Failure.unless(
        result.exitCode() == 0, String.join(" ", command) + ": " + result.errors().strip());
  }

  private static Map<String, byte[]> contents(Path tree) throws Exception {
    Map<String, byte[]> contents = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(tree)) {
      for (Path path : paths.toList()) {
        contents.put(
            tree.relativize(path).toString(),
            Files.isDirectory(path) ? new byte[0] : Files.readAllBytes(path));
      }
    }
    return contents;
  }
}
