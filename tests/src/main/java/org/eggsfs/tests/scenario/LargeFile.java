package org.eggsfs.tests.scenario;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.tests.check.Content;
import org.eggsfs.tests.cluster.Cluster;

/**
 * Goal: a large file with the policies that users have. Method: written in pieces of 1 MiB, read
 * from the start, at random, and copied out by the command line, whose digest must be that of what
 * was written.
 */
final class LargeFile implements Scenario {
  private static final int PIECE_BYTES = 1 << 20;
  private static final int RANDOM_READS = 200;

  @Override
  public String name() {
    return "large file";
  }

  @Override
  public String oracle() {
    return "every byte, and the digest of a copy";
  }

  @Override
  public void run(Run run) throws Exception {
    EggsClient client = run.connect();
    long size = run.size(1 << 30, 96 << 20) + 12_345L;
    long seed = run.random(0).nextLong();
    MessageDigest written = MessageDigest.getInstance("SHA-256");
    long id;
    try (FileWriter writer = client.paths().create("/large")) {
      ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
      for (long at = 0; at < size; at += PIECE_BYTES) {
        piece.clear().limit((int) Math.min(PIECE_BYTES, size - at));
        Content.fill(seed, at, piece);
        written.update(piece.flip());
        writer.write(piece.rewind());
      }
      id = writer.commit();
    }
    run.count("bytes", size);
    Content.check(client, id, seed, size, "/large");
    SplittableRandom random = run.random(1);
    try (FileReader reader = client.files().open(id)) {
      for (int i = 0; i < RANDOM_READS; i++) {
        long from = random.nextLong(size);
        int length = (int) random.nextLong(1, Math.min(size - from, 2L * PIECE_BYTES) + 1);
        Content.checkRange(reader, seed, from, length, "/large");
      }
    }
    run.count("random reads", RANDOM_READS);
    Path copy = run.folder().resolve("large");
    Cluster.CliResult result = run.cluster().cli("cp", "eggs:/large", copy.toString());
    Failure.unless(result.exitCode() == 0, "cp: " + result.errors());
    MessageDigest found = MessageDigest.getInstance("SHA-256");
    try (var in = Files.newInputStream(copy)) {
      byte[] buffer = new byte[PIECE_BYTES];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        found.update(buffer, 0, n);
      }
    }
    Failure.unlessEqual(
        HexFormat.of().formatHex(written.digest()),
        HexFormat.of().formatHex(found.digest()),
        "digest of the copy");
    Files.delete(copy);
  }
}
