package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.cluster.Mount;

/**
 * Goal: a file appears with its last close, whole, and that of a killed writer does not (mount.md
 * section 3). Method: shells write files with the programs that people use, new ones and over old
 * ones, and say which are done; whole process groups are killed with SIGKILL at random moments.
 * Then each file that was said to be done is there, and each other one is the old version, the new
 * one, or not there.
 */
final class MountWriters implements Scenario {
  private static final int WRITERS = 3;
  private static final int SOURCES = 12;
  private static final int NAMES = 6;

  /** Each takes the source and the name. A part of a file may only be left by a signal. */
  private static final List<String> PROGRAMS =
      List.of(
          "cp \"$1\" \"$2\"",
          "cat \"$1\" > \"$2\"",
          "dd if=\"$1\" of=\"$2\" bs=64k status=none",
          "dd if=\"$1\" of=\"$2\" bs=10k conv=fsync status=none",
          "cp \"$1\" \"$2.tmp\" && mv \"$2.tmp\" \"$2\"");

  @Override
  public String name() {
    return "mount killed writers";
  }

  @Override
  public String oracle() {
    return "files that were closed are whole, others whole or absent";
  }

  @Override
  public String missing() {
    return Mount.unavailable();
  }

  @Override
  public void run(Run run) throws Exception {
    List<Path> sources = new ArrayList<>();
    SplittableRandom random = run.random(-1);
    for (int i = 0; i < SOURCES; i++) {
      Path source = run.folder().resolve("source" + i);
      int size = i == 0 ? 0 : i < 3 ? random.nextInt(1, 255) : random.nextInt(5_000_000);
      Files.write(source, Content.bytes(random.nextLong(), size));
      sources.add(source);
    }
    try (EggsClient client = run.cluster().connectDirectly()) {
      DataTree.setPolicies(client, client.paths().mkdir("/writers"));
    }
    try (Mount mount = new Mount(run.cluster(), "writers");
        HangWatch watch = new HangWatch(List.of(mount))) {
      run.atOnceOnThreads(
          WRITERS,
          writer -> {
            Path home = mount.root().resolve("writers/w" + writer);
            watch.call("mkdir", () -> Files.createDirectory(home));
            Writer one = new Writer(run, watch, home, sources, run.random(writer));
            for (int i = 0; i < run.size(60, 4); i++) {
              one.live();
              one.check();
            }
            one.check();
          });
      watch.check(run);
    }
  }

  /**
   * Writes to a few names, one life after the other, each with names of its own: what was under way
   * at the end of a life may be finished a moment later.
   */
  private static final class Writer {
    private final Run run;
    private final HangWatch watch;
    private final Path home;
    private final List<Path> sources;
    private final SplittableRandom random;

    /** What each name may hold: a source, or -1 for nothing. Those of earlier lives come first. */
    private final List<Set<Integer>> possible = new ArrayList<>();

    private int firstUnchecked;

    Writer(Run run, HangWatch watch, Path home, List<Path> sources, SplittableRandom random) {
      this.run = run;
      this.watch = watch;
      this.home = home;
      this.sources = sources;
      this.random = random;
    }

    private record Job(int name, int source) {}

    void live() throws Exception {
      int first = possible.size();
      for (int i = 0; i < NAMES; i++) {
        possible.add(Set.of(-1));
      }
      List<Job> jobs = new ArrayList<>();
      StringBuilder script = new StringBuilder("put() { eval \"$3\"; }\n");
      for (int i = 0; i < 500; i++) {
        Job job = new Job(first + random.nextInt(NAMES), random.nextInt(sources.size()));
        jobs.add(job);
        script
            .append("put '")
            .append(sources.get(job.source()))
            .append("' '")
            .append(path(job.name()))
            .append("' '")
            .append(PROGRAMS.get(random.nextInt(PROGRAMS.size())))
            .append("' && echo done || echo failed\n");
      }
      Path file = run.folder().resolve(home.getFileName() + ".sh");
      Files.writeString(file, script);
      // A group of its own, so that all of it dies at the same moment.
      Path said = run.folder().resolve(home.getFileName() + ".out");
      Process process =
          new ProcessBuilder("setsid", "bash", file.toString())
              .redirectErrorStream(true)
              .redirectOutput(said.toFile())
              .start();
      process.getOutputStream().close();
      try {
        process.waitFor(random.nextLong(300, run.size(4_000, 2_500)), TimeUnit.MILLISECONDS);
      } finally {
        kill(process);
      }
      int done = 0;
      for (String line : Files.readAllLines(said)) {
        Failure.unlessEqual("done", line, "what a shell says that was not killed yet");
        possible.set(jobs.get(done).name(), Set.of(jobs.get(done).source()));
        done++;
      }
      run.count("files written", done);
      run.count("kills", 1);
      Set<Integer> unsure = new HashSet<>(possible.get(jobs.get(done).name()));
      unsure.add(jobs.get(done).source());
      possible.set(jobs.get(done).name(), unsure);
    }

    private Path path(int name) {
      return home.resolve("f" + name);
    }

    private static void kill(Process process) throws IOException, InterruptedException {
      new ProcessBuilder("sh", "-c", "kill -9 -" + process.pid()).start().waitFor();
      process.destroyForcibly().waitFor();
    }

    /** Reads the names of the last life, or all of them if they were read before. */
    void check() throws Exception {
      int first = firstUnchecked == possible.size() ? 0 : firstUnchecked;
      for (int i = first; i < possible.size(); i++) {
        Path path = path(i);
        int found =
            watch.call(
                "reading " + path, () -> Files.exists(path) ? which(Files.readAllBytes(path)) : -1);
        Failure.unless(
            possible.get(i).contains(found),
            path.getFileName()
                + (found == -1 ? " is not there" : found == -2 ? " is not whole" : " is another")
                + " after a kill; it may be one of "
                + possible.get(i));
        run.count("files checked", 1);
      }
      firstUnchecked = possible.size();
    }

    private int which(byte[] content) throws IOException {
      for (int i = 0; i < sources.size(); i++) {
        if (Arrays.equals(content, Files.readAllBytes(sources.get(i)))) {
          return i;
        }
      }
      return -2;
    }
  }
}
