package org.eggsfs.fuse.fs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.eggsfs.core.InodeIds;
import org.junit.jupiter.api.Test;

/** Goal: what is kept of an inode: facts that no own change has made wrong, and what comes next. */
class NodeTest {
  private static final long DIRECTORY = InodeIds.of(InodeIds.DIRECTORY, 1, 0);
  private static final long WITHIN = 1000;

  private static long file(int number) {
    return InodeIds.of(InodeIds.FILE, number, 0);
  }

  private static Node.FileFacts facts(long mtime) {
    return new Node.FileFacts(1, mtime, mtime, mtime);
  }

  private final Node node = new Node(DIRECTORY);

  private List<Integer> waits(long from, int count, long apart) {
    List<Integer> ahead = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ahead.add(node.waited(from + i * apart, WITHIN, 4, 16));
    }
    return ahead;
  }

  @Test
  void waitsInSuccessionAskForMoreAndMoreAhead() {
    assertEquals(List.of(0, 0, 4, 8, 16, 16), waits(0, 6, WITHIN - 1));
  }

  @Test
  void waitsFarApartAreNoSuccession() {
    assertEquals(List.of(0, 0, 0, 0), waits(0, 4, WITHIN));
    assertEquals(List.of(0, 0, 4), waits(100_000, 3, 1));
    assertEquals(List.of(0, 0, 4), waits(200_000, 3, 1));
  }

  @Test
  void whatComesNextIsInTheOrderOfTheListing() {
    assertArrayEquals(new long[0], node.targetsBehind(file(1), 9));
    Node.DirectoryFacts basis = new Node.DirectoryFacts(5, DIRECTORY, 1);
    node.directory(basis, node.changes());
    for (int i : new int[] {3, 1, 4, 15, 9, 2, 6}) {
      node.keep(new byte[] {(byte) i}, new Node.Edge(file(i), 1), basis);
    }
    // Seen again: stays where it is.
    node.keep(new byte[] {4}, new Node.Edge(file(4), 1), basis);
    assertArrayEquals(new long[] {file(15), file(9)}, node.targetsBehind(file(4), 2));
    assertArrayEquals(new long[] {file(6)}, node.targetsBehind(file(2), 9));
    assertArrayEquals(new long[0], node.targetsBehind(file(6), 9));
    assertArrayEquals(new long[0], node.targetsBehind(file(77), 9));
    node.changed();
    assertArrayEquals(new long[0], node.targetsBehind(file(4), 2));
  }

  @Test
  void anAnswerFromBeforeAnOwnChangeDoesNotCount() {
    Node file = new Node(file(1));
    CompletableFuture<Node.FileFacts> before = new CompletableFuture<>();
    long mark = file.refreshFile(before);
    assertEquals(before, file.fileRefresh());
    file.fileChanged();
    assertNull(file.fileRefresh());
    CompletableFuture<Node.FileFacts> after = new CompletableFuture<>();
    long newMark = file.refreshFile(after);
    file.fileRefreshed(before, facts(1), mark);
    assertNull(file.file());
    assertEquals(after, file.fileRefresh());
    file.fileRefreshed(after, facts(2), newMark);
    assertEquals(facts(2), file.file());
    assertNull(file.fileRefresh());
    // One that fails leaves what was known.
    file.fileRefreshed(after, null, file.refreshFile(after));
    assertEquals(facts(2), file.file());
  }
}
