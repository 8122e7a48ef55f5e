package org.eggsfs.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.eggsfs.cdc.state.CdcState;
import org.eggsfs.cli.LongLongMap;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.shard.state.CrossShardChecker;
import org.eggsfs.shard.state.Findings;
import org.eggsfs.shard.state.ShardChecker;
import org.eggsfs.shuckle.state.ShuckleState;
import org.eggsfs.store.DataDirectory;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.RocksStore;

/**
 * Checks the data directory of a stopped instance: each shard (shard.md section 17, P1 to P13), all
 * shards together (P14 to P16), the failure domains of spans by what the shuckle knows, and the
 * CDC's map of the tree. On request block files too ({@link BlockFilesCheck}).
 *
 * <p>Every database is locked like by its server, so that nothing changes under the check. Memory
 * is about 80 bytes for a file or directory and 8 for a block of the largest shard, with block
 * files 24 to 48 for each block.
 */
final class OfflineCheck {
  private static final String SHARD_FORMAT = "eggsshard 2";
  private static final String SHUCKLE_FORMAT = "eggsshuckle 2";
  private static final String CDC_FORMAT = "eggscdc 2";

  private final InstanceLayout layout;
  private final Path shards;
  private final boolean blockFiles;
  private final Findings findings = new Findings();
  private final List<String> notes = new ArrayList<>();

  /**
   * A check.
   *
   * @param directory of an instance, or of a shard host alone
   */
  OfflineCheck(Path directory, boolean blockFiles) {
    this.layout = new InstanceLayout(directory.toAbsolutePath().normalize());
    this.shards = Files.isDirectory(layout.shards()) ? layout.shards() : layout.root();
    this.blockFiles = blockFiles;
  }

  /** Whether there is a database of shards. */
  boolean hasShards() {
    return Files.isDirectory(shards.resolve("db"));
  }

  /** What is no problem but worth knowing. */
  List<String> notes() {
    return notes;
  }

  /** What was done with a snapshot of a database. */
  private interface Reading {
    void read(KeyValueStore.Snapshot view) throws IOException;
  }

  private static void read(Path role, String format, Reading reading) throws IOException {
    try (DataDirectory _ = DataDirectory.open(role, format);
        RocksStore store = RocksStore.openReadOnly(role.resolve("db"));
        KeyValueStore.Snapshot view = store.snapshot()) {
      reading.read(view);
    }
  }

  /** Runs all checks. */
  Findings run() throws IOException {
    List<FullBlockServiceInfo> services = new ArrayList<>();
    if (Files.isDirectory(layout.shuckle().resolve("db"))) {
      read(
          layout.shuckle(),
          SHUCKLE_FORMAT,
          view -> services.addAll(ShuckleState.load(view).blockServices()));
    } else {
      notes.add("no shuckle's data here: failure domains are not checked");
    }
    BlockServices known = BlockServices.of(services.stream().map(OfflineCheck::service).toList());
    read(
        shards,
        SHARD_FORMAT,
        view -> {
          Findings together = new Findings();
          CrossShardChecker checker = new CrossShardChecker(together);
          for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
            ShardChecker.check(view, shard, known, findings);
            checker.add(view, shard);
          }
          checker.finish();
          checkCdc(checker, together);
          if (blockFiles) {
            new BlockFilesCheck(layout.root(), services, findings).run(view);
          }
        });
    return findings;
  }

  private static BlockServices.Service service(FullBlockServiceInfo info) {
    return new BlockServices.Service(
        info.id(),
        info.addrs(),
        info.locationId(),
        info.storageClass(),
        info.failureDomain(),
        new CbcMac(info.secretKey()),
        info.flags(),
        info.availableBytes());
  }

  /** A transaction that was cut off explains differences between shards; it goes on at start. */
  private void checkCdc(CrossShardChecker checker, Findings together) throws IOException {
    if (!Files.isDirectory(layout.cdc().resolve("db"))) {
      notes.add("no CDC's data here: its map of the tree is not checked");
      together.kept().forEach(this::addKept);
      return;
    }
    read(
        layout.cdc(),
        CDC_FORMAT,
        view -> {
          if (!CdcState.isInitialized(view)) {
            findings.add("CDC", "the database of the CDC is empty");
            return;
          }
          List<CdcState.Unfinished> unfinished = CdcState.open(view).unfinished();
          if (!unfinished.isEmpty()) {
            notes.add(
                unfinished.size()
                    + " transactions of the CDC are unfinished; they go on when it starts. Start"
                    + " and stop the instance to check what lies between shards:");
            unfinished.forEach(one -> notes.add("  " + one.text()));
            together.kept().forEach(kept -> notes.add("  " + kept));
            return;
          }
          together.kept().forEach(this::addKept);
          checkParents(checker, view);
        });
  }

  /** Words of a finding begin with the property that it breaks. */
  private void addKept(String finding) {
    int colon = finding.indexOf(": ");
    findings.add(finding.substring(0, colon), finding.substring(colon + 2));
  }

  private void checkParents(CrossShardChecker checker, KeyValueStore.Snapshot view) {
    LongLongMap mapped = new LongLongMap();
    CdcState.forEachParent(
        view,
        (directory, owner) -> {
          mapped.put(directory, owner);
          findings.require(
              checker.ownerOf(directory) == owner,
              "CDC",
              "the CDC has "
                  + InodeIds.format(owner)
                  + " as owner of "
                  + InodeIds.format(directory)
                  + ", its shard "
                  + (checker.ownerOf(directory) == CrossShardChecker.ABSENT
                      ? "does not know the directory"
                      : InodeIds.format(checker.ownerOf(directory))));
        });
    checker.forEachDirectory(
        directory ->
            findings.require(
                checker.ownerOf(directory) == InodeIds.NULL
                    || mapped.get(directory) != LongLongMap.ABSENT,
                "CDC",
                "the CDC does not know the owner of " + InodeIds.format(directory)));
  }

  /** All directories below {@code root} with a block service's key. */
  static List<Path> blockServiceDirectories(Path root, String keyName) throws IOException {
    try (Stream<Path> found = Files.find(root, 3, (path, _) -> path.endsWith(keyName))) {
      return found.map(Path::getParent).sorted().toList();
    }
  }
}
