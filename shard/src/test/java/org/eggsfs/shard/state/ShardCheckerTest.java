package org.eggsfs.shard.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.AddSpanInitiateBlockInfo;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The checkers must find what is planted, each fault under its property, and nothing else. */
class ShardCheckerTest {
  private static final long ROOT = InodeIds.ROOT;

  private final Harness shard = new Harness(0, 9);
  private ConstructFileResponse file;
  private List<AddSpanInitiateBlockInfo> blocks;
  private long directory;

  @BeforeEach
  void aFileAndADirectory() throws EggsException {
    file = shard.construct();
    blocks = shard.addSpan(file, 0, 1);
    shard.link(file, ROOT, "f");
    directory = shard.makeDirectory(1);
    long created =
        ((CreateLockedCurrentEdgeResponse)
                shard.signed(
                    new CreateLockedCurrentEdgeRequest(ROOT, Harness.bytes("d"), directory, 0)))
            .creationTime();
    shard.signed(new UnlockCurrentEdgeRequest(ROOT, Harness.bytes("d"), created, directory, false));
    assertEquals(List.of(), shard.check());
    assertEquals(List.of(), crossCheck());
  }

  private List<String> crossCheck() {
    Findings findings = new Findings();
    CrossShardChecker checker = new CrossShardChecker(findings);
    checker.add(shard.store, 0);
    checker.finish();
    return findings.kept();
  }

  private void assertFinds(String property) {
    List<String> findings = shard.check();
    assertTrue(
        findings.stream().anyMatch(f -> f.startsWith(property + ":")), () -> findings.toString());
  }

  private void assertFindsAcross(String property) {
    List<String> findings = crossCheck();
    assertTrue(
        findings.stream().anyMatch(f -> f.startsWith(property + ":")), () -> findings.toString());
  }

  @Test
  void bothLinkedAndTransient() {
    TransientTable.put(
        shard.store,
        0,
        new TransientTable.Row(file.id(), 8192, 1, 1, SpanState.CLEAN, new byte[0]));
    assertFinds("P1");
  }

  @Test
  void idNeverGivenOut() {
    FilesTable.put(shard.store, 0, InodeIds.of(InodeIds.FILE, 77, 0), new FilesTable.Row(0, 1, 1));
    assertFinds("P1");
    assertFindsAcross("P14");
  }

  @Test
  void sizeAndSpansDisagree() {
    FilesTable.put(shard.store, 0, file.id(), new FilesTable.Row(4096, 1, 1));
    assertFinds("P2");
  }

  @Test
  void spansWithoutAFile() {
    shard.store.delete(FilesTable.key(0, file.id()));
    assertFinds("P3");
    assertFindsAcross("P14");
  }

  @Test
  void dirtyWithoutASpan() throws EggsException {
    ConstructFileResponse empty = shard.construct();
    TransientTable.put(
        shard.store, 0, new TransientTable.Row(empty.id(), 0, 1, 1, SpanState.DIRTY, new byte[0]));
    assertFinds("P4");
  }

  @Test
  void oneBlockTwiceAndAWrongIndex() throws EggsException {
    ConstructFileResponse other = shard.construct();
    Span span = SpansTable.get(shard.store, 0, file.id(), 0);
    SpansTable.put(shard.store, 0, other.id(), 0, span);
    assertFinds("P5");
    assertFinds("P2");
    assertFinds("P6");
  }

  @Test
  void indexRowTooMany() {
    BlockServiceFilesTable.put(shard.store, 0, 12345, file.id(), 1);
    assertFinds("P6");
  }

  @Test
  void servicesOfOneDomainAndWrongCrcs() {
    Span span = SpansTable.get(shard.store, 0, file.id(), 0);
    Span.Location location = span.locations().getFirst();
    location.services()[1] = location.services()[0];
    SpansTable.put(shard.store, 0, file.id(), 0, span);
    assertFinds("P7");
    // HDD service with the same number is in the same domain.
    location.services()[1] = location.services()[0] + 100;
    SpansTable.put(shard.store, 0, file.id(), 0, span);
    assertFinds("P7");
    location.stripeCrcs()[0]++;
    SpansTable.put(shard.store, 0, file.id(), 0, span);
    assertFinds("P8");
    assertEquals(3, blocks.size());
  }

  @Test
  void edgesOfNobody() {
    putEdge(InodeIds.of(InodeIds.DIRECTORY, 50, 0), "x", file.id(), false, 1);
    assertFinds("P10");
  }

  private void putEdge(long dir, String name, long target, boolean locked, long created) {
    EdgesTable.putCurrent(
        shard.store, 0, dir, Harness.bytes(name), new EdgesTable.Current(target, locked, created));
  }

  @Test
  void badNamesTargetsAndTimes() {
    putEdge(ROOT, "a/b", file.id(), false, 1);
    assertFinds("P9");
    putEdge(ROOT, "late", file.id(), false, Long.MAX_VALUE);
    assertFinds("P11");
    putEdge(ROOT, "none", InodeIds.NULL, false, 1);
    assertFinds("P12");
    EdgesTable.putSnapshot(
        shard.store, 0, ROOT, Harness.bytes("s"), 1, new EdgesTable.Snapshot(directory, true));
    assertFinds("P12");
  }

  @Test
  void condemnedEdges() {
    byte[] name = Harness.bytes("s");
    EdgesTable.putSnapshot(
        shard.store, 0, ROOT, name, 1, new EdgesTable.Snapshot(file.id(), true, true));
    assertEquals(List.of(), shard.check());
    assertFindsAcross("P16");
    EdgesTable.putSnapshot(
        shard.store, 0, ROOT, name, 1, new EdgesTable.Snapshot(file.id(), false, true));
    assertFinds("P12");
  }

  @Test
  void aPastYoungerThanThePresent() {
    EdgesTable.putSnapshot(
        shard.store,
        0,
        ROOT,
        Harness.bytes("f"),
        shard.state.applied(shard.store).time(),
        new EdgesTable.Snapshot(InodeIds.NULL, false));
    assertFinds("P11");
    // And it ends nothing.
    assertFinds("P13");
  }

  @Test
  void currentNamesInARemovedDirectory() {
    DirectoriesTable.put(
        shard.store, 0, DirectoriesTable.get(shard.store, 0, directory).withOwner(InodeIds.NULL));
    putEdge(directory, "x", file.id(), false, 1);
    assertFinds("P10");
    assertFindsAcross("P15");
    assertFindsAcross("P14");
  }

  @Test
  void twoOwnersLocksAndLoops() {
    putEdge(ROOT, "again", file.id(), true, 1);
    assertFindsAcross("P14");
    assertFindsAcross("P16");
    long other = shard.directory(2);
    DirectoriesTable.put(
        shard.store, 0, new DirectoriesTable.Row(other, directory, 1, Harness.NO_INFO));
    DirectoriesTable.put(
        shard.store, 0, DirectoriesTable.get(shard.store, 0, directory).withOwner(other));
    assertTrue(
        crossCheck().stream().anyMatch(f -> f.contains("loop")), () -> crossCheck().toString());
  }

  @Test
  void findingsAreBounded() {
    Findings findings = new Findings();
    for (int i = 0; i < 5000; i++) {
      findings.add("P1", "x");
    }
    assertEquals(5000, findings.count());
    assertEquals(Findings.KEPT_MAX, findings.kept().size());
  }
}
