package org.eggsfs.run;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.RocksStore;
import org.eggsfs.store.StoreException;
import org.eggsfs.store.View;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code eggs verify-equal}: are two stores of metadata the same, key by key (cli.md 3)? */
@Command(
    name = "eggsverifyequal",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Compare the metadata of two stopped instances or roles, such as a copy with its original",
      "or two replicas, key by key. Exit code 1 when they differ."
    })
final class VerifyEqualCommand implements Callable<Integer> {
  private static final List<String> ROLES = List.of("shuckle", "shards", "cdc");
  private static final int DIFFERENCES_MAX = 20;

  @Parameters(index = "0", paramLabel = "DIR1")
  private Path first;

  @Parameters(index = "1", paramLabel = "DIR2")
  private Path second;

  @Option(names = "--json", description = "Answer in JSON.")
  private boolean json;

  private final List<String> differences = new ArrayList<>();
  private long differenceCount;
  private long keyCount;

  @Override
  public Integer call() throws CommandFailure {
    boolean compared = false;
    try {
      if (hasDatabase(first) || hasDatabase(second)) {
        compared = compareRole("", first, second);
      } else {
        for (String role : ROLES) {
          compared |= compareRole(role + " ", first.resolve(role), second.resolve(role));
        }
      }
    } catch (StoreException e) {
      throw new CommandFailure(ExitCodes.FAILED, e.getMessage(), e);
    }
    if (!compared) {
      throw new CommandFailure(first + ": no metadata is in this directory");
    }
    report();
    return differenceCount == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private static boolean hasDatabase(Path directory) {
    return Files.isDirectory(directory.resolve("db"));
  }

  private boolean compareRole(String role, Path one, Path other) throws CommandFailure {
    if (!hasDatabase(one) && !hasDatabase(other)) {
      return false;
    }
    for (Path directory : List.of(one, other)) {
      if (!hasDatabase(directory)) {
        throw new CommandFailure(directory + ": has no metadata, the other one has");
      }
    }
    try (RocksStore left = RocksStore.openReadOnly(one.resolve("db"));
        RocksStore right = RocksStore.openReadOnly(other.resolve("db"));
        KeyValueStore.Snapshot leftView = left.snapshot();
        KeyValueStore.Snapshot rightView = right.snapshot()) {
      compare(role, leftView, rightView);
    }
    return true;
  }

  private void compare(String role, View left, View right) {
    try (Cursor one = left.cursor();
        Cursor other = right.cursor()) {
      one.seek(new byte[0]);
      other.seek(new byte[0]);
      while (one.isValid() || other.isValid()) {
        keyCount++;
        int order =
            !one.isValid()
                ? 1
                : !other.isValid() ? -1 : Arrays.compareUnsigned(one.key(), other.key());
        if (order < 0) {
          differ(role, one.key(), "only in the first");
          one.next();
        } else if (order > 0) {
          differ(role, other.key(), "only in the second");
          other.next();
        } else {
          if (!Arrays.equals(one.value(), other.value())) {
            differ(role, one.key(), "has another value");
          }
          one.next();
          other.next();
        }
      }
    }
  }

  private void differ(String role, byte[] key, String how) {
    differenceCount++;
    if (differences.size() < DIFFERENCES_MAX) {
      differences.add(role + "key " + HexFormat.of().formatHex(key) + " " + how);
    }
  }

  private void report() {
    if (json) {
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      node.put("keys", keyCount).put("differenceCount", differenceCount);
      differences.forEach(node.putArray("differences")::add);
      System.out.println(node.toPrettyString());
      return;
    }
    differences.forEach(System.out::println);
    System.out.println(
        keyCount + " keys: " + (differenceCount == 0 ? "equal" : differenceCount + " differences"));
  }
}
