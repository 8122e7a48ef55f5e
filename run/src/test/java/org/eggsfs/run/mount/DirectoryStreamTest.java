package org.eggsfs.run.mount;

import static org.eggsfs.run.mount.Syscalls.O_DIRECTORY;
import static org.eggsfs.run.mount.Syscalls.O_RDONLY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.eggsfs.run.mount.Syscalls.Entry;
import org.junit.jupiter.api.Test;

/**
 * Goal: a listing is right while the directory changes under it: what stays is given exactly once,
 * what was removed or added meanwhile at most once. Method: getdents64 with buffers of all sizes
 * between changes.
 */
class DirectoryStreamTest extends OnMount {
  private static final int FILES = 200;

  private int openDirectory() throws Exception {
    return Syscalls.open(dir, O_RDONLY | O_DIRECTORY);
  }

  private void makeFiles(String prefix, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      Syscalls.symlink("x", dir.resolve(prefix + i));
    }
  }

  @Test
  void buffersOfAllSizes() throws Exception {
    makeFiles("link-with-a-longer-name-", FILES);
    List<String> expected = Syscalls.names(dir);
    assertEquals(FILES, expected.size());
    for (int size : new int[] {64, 100, 1000, 4096, 1 << 20}) {
      int fd = openDirectory();
      List<Entry> entries = Syscalls.getAllDents(fd, size);
      Syscalls.close(fd);
      assertEquals(FILES + 2, entries.size(), "buffer of " + size);
      Set<String> names = new HashSet<>();
      entries.forEach(entry -> names.add(entry.name()));
      assertEquals(FILES + 2, names.size());
      assertTrue(names.containsAll(expected));
    }
    int fd = openDirectory();
    fails(Errno.EINVAL, () -> Syscalls.getdents(fd, 8));
    Syscalls.close(fd);
  }

  @Test
  void aListingReadSlowlyDoesNotBringOldVersionsBack() throws Exception {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      file("f" + i, "old");
      names.add("f" + i);
    }
    int fd = openDirectory();
    Set<String> read = new HashSet<>();
    Syscalls.getdents(fd, 120).forEach(entry -> read.add(entry.name()));
    names.removeAll(read);
    for (String name : names) {
      int writing = Syscalls.open(dir.resolve(name), Syscalls.O_WRONLY | Syscalls.O_TRUNC);
      Syscalls.write(writing, "new");
      Syscalls.close(writing);
    }
    while (!Syscalls.getdents(fd, 4096).isEmpty()) {
      for (String name : names) {
        assertContent("new", dir.resolve(name));
      }
    }
    Syscalls.close(fd);
  }

  @Test
  void dotAndDotDotHaveTheRightInodes() throws Exception {
    directory("d");
    int fd = Syscalls.open(dir.resolve("d"), O_RDONLY | O_DIRECTORY);
    List<Entry> entries = Syscalls.getAllDents(fd, 4096);
    Syscalls.close(fd);
    assertEquals(2, entries.size());
    for (Entry entry : entries) {
      long expected =
          entry.name().equals(".")
              ? Syscalls.stat(dir.resolve("d")).inode()
              : Syscalls.stat(dir).inode();
      assertEquals(expected, entry.inode(), entry.name());
    }
  }

  @Test
  void removingWhatWasRead() throws Exception {
    makeFiles("f", FILES);
    int fd = openDirectory();
    int removed = 0;
    for (List<Entry> part = Syscalls.getdents(fd, 600);
        !part.isEmpty();
        part = Syscalls.getdents(fd, 600)) {
      for (Entry entry : part) {
        if (!entry.name().startsWith(".")) {
          Syscalls.unlinkAt(fd, entry.name(), 0);
          removed++;
        }
      }
    }
    Syscalls.close(fd);
    assertEquals(FILES, removed);
    assertEquals(List.of(), Syscalls.names(dir));
  }

  @Test
  void addingAndRemovingOthersMeanwhile() throws Exception {
    makeFiles("stays", FILES);
    makeFiles("goes", 50);
    int fd = openDirectory();
    List<String> seen = new ArrayList<>();
    int round = 0;
    for (List<Entry> part = Syscalls.getdents(fd, 400);
        !part.isEmpty();
        part = Syscalls.getdents(fd, 400)) {
      part.forEach(entry -> seen.add(entry.name()));
      if (round < 50) {
        Syscalls.unlink(dir.resolve("goes" + round));
        Syscalls.symlink("x", dir.resolve("new" + round));
      }
      round++;
    }
    Syscalls.close(fd);
    assertTrue(round > 5, "only " + round + " rounds");
    assertEquals(FILES, seen.stream().filter(name -> name.startsWith("stays")).count());
    assertEquals(seen.size(), new HashSet<>(seen).size(), "a name came twice");
  }

  @Test
  void rewindingShowsWhatIsNew() throws Exception {
    makeFiles("f", 10);
    int fd = openDirectory();
    assertEquals(12, Syscalls.getAllDents(fd, 4096).size());
    Syscalls.symlink("x", dir.resolve("new"));
    Syscalls.unlink(dir.resolve("f3"));
    Syscalls.lseek(fd, 0, Syscalls.SEEK_SET);
    List<String> names = Syscalls.getAllDents(fd, 4096).stream().map(Entry::name).toList();
    Syscalls.close(fd);
    assertTrue(names.contains("new"), names.toString());
    assertTrue(!names.contains("f3"), names.toString());
  }

  @Test
  void aNewListingShowsEachChangeAtOnce() throws Exception {
    for (int i = 0; i < 15; i++) {
      file("f" + i, "x");
      assertEquals(i + 1, Syscalls.names(dir).size());
    }
    for (int i = 0; i < 15; i++) {
      Syscalls.rename(dir.resolve("f" + i), dir.resolve("g" + i));
      assertTrue(Syscalls.names(dir).contains("g" + i));
      assertEquals(15, Syscalls.names(dir).size());
    }
    for (int i = 0; i < 15; i++) {
      Syscalls.unlink(dir.resolve("g" + i));
      assertEquals(14 - i, Syscalls.names(dir).size());
    }
  }

  @Test
  void aListedDirectoryThatIsRemoved() throws Exception {
    directory("d");
    int fd = Syscalls.open(dir.resolve("d"), O_RDONLY | O_DIRECTORY);
    Syscalls.rmdir(dir.resolve("d"));
    // Nothing, or a clear error, but no hang and no names.
    try {
      assertTrue(Syscalls.getAllDents(fd, 4096).size() <= 2);
    } catch (SyscallException e) {
      assertEquals(Errno.ENOENT, e.errno());
    }
    Syscalls.close(fd);
  }
}
