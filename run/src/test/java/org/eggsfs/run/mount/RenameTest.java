package org.eggsfs.run.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Goal: rename does for each pair of things what POSIX says, within a directory and between two.
 * Method: the whole matrix of what is renamed and what is there already, and the special places.
 */
class RenameTest extends OnMount {
  private void make(String kind, Path path) throws Exception {
    String relative = dir.relativize(path).toString();
    switch (kind) {
      case "missing" -> {}
      case "file" -> file(relative, "file " + relative);
      case "dir" -> directory(relative);
      case "full" -> {
        directory(relative);
        file(relative + "/inside", "inside " + relative);
      }
      case "link" -> Syscalls.symlink("target of " + relative, path);
      case "dirlink" -> Syscalls.symlink(".", path);
      default -> throw new IllegalArgumentException(kind);
    }
  }

  /** Whether a path is what {@link #make} had made at another. */
  private void assertIs(String kind, Path path, Path origin) throws Exception {
    String relative = dir.relativize(origin).toString();
    switch (kind) {
      case "missing" -> assertFalse(exists(path), path + " exists");
      case "file" -> assertContent("file " + relative, path);
      case "dir" -> assertEquals(List.of(), Syscalls.names(path));
      case "full" -> assertContent("inside " + relative, path.resolve("inside"));
      case "link" -> assertEquals("target of " + relative, Syscalls.readlink(path));
      case "dirlink" -> assertEquals(".", Syscalls.readlink(path));
      default -> throw new IllegalArgumentException(kind);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "file, missing, ",
    "file, file, ",
    "file, dir, EISDIR",
    "file, full, EISDIR",
    "file, link, ",
    "file, dirlink, ",
    "link, missing, ",
    "link, file, ",
    "link, dir, EISDIR",
    "link, full, EISDIR",
    "link, link, ",
    "dirlink, missing, ",
    "dirlink, dir, EISDIR",
    "dir, missing, ",
    "dir, file, ENOTDIR",
    "dir, dir, ",
    "dir, full, ENOTEMPTY",
    "dir, link, ENOTDIR",
    "dir, dirlink, ENOTDIR",
    "full, missing, ",
    "full, file, ENOTDIR",
    "full, dir, ",
    "full, full, ENOTEMPTY",
    "full, link, ENOTDIR",
    "missing, missing, ENOENT",
    "missing, file, ENOENT",
    "missing, dir, ENOENT",
  })
  void matrix(String from, String to, Errno expected) throws Exception {
    for (String place : List.of("here", "there")) {
      directory(place);
      if (place.equals("here")) {
        directory("here/sub");
      }
      Path a = dir.resolve(place + "/a");
      Path b = dir.resolve(place.equals("here") ? "here/b" : "here/sub/b");
      make(from, a);
      make(to, b);
      if (expected == null) {
        Syscalls.Stat before = Syscalls.lstat(a);
        Syscalls.rename(a, b);
        assertFalse(exists(a));
        assertIs(from, b, a);
        Syscalls.Stat after = Syscalls.lstat(b);
        assertEquals(before.inode(), after.inode());
        assertEquals(before.type(), after.type());
      } else {
        fails(expected, () -> Syscalls.rename(a, b));
        assertIs(from, a, a);
        assertIs(to, b, b);
      }
    }
  }

  @Test
  void ontoItselfChangesNothing() throws Exception {
    for (String kind : List.of("file", "dir", "full", "link")) {
      Path path = dir.resolve(kind);
      make(kind, path);
      Syscalls.rename(path, path);
      Syscalls.rename(path.toString(), dir + "/./" + kind, 0);
      assertIs(kind, path, path);
    }
  }

  @Test
  void intoItsOwnChildren() throws Exception {
    Path path = directory("d");
    directory("d/sub");
    directory("d/sub/sub");
    for (String below : List.of("new", "sub", "sub/new", "sub/sub", "sub/sub/new")) {
      fails(Errno.EINVAL, () -> Syscalls.rename(path, path.resolve(below)));
    }
    assertTrue(exists(path.resolve("sub/sub")));
  }

  @Test
  void ontoItsOwnParents() throws Exception {
    Path path = directory("d");
    directory("d/sub");
    directory("d/sub/deep");
    file("d/sub/f", "x");
    fails(Errno.ENOTEMPTY, () -> Syscalls.rename(path.resolve("sub"), path));
    fails(Errno.ENOTEMPTY, () -> Syscalls.rename(path.resolve("sub/deep"), path));
    fails(Errno.ENOTEMPTY, () -> Syscalls.rename(path.resolve("sub/f"), path));
    assertContent("x", path.resolve("sub/f"));
  }

  @Test
  void directoriesTradePlaces() throws Exception {
    directory("a");
    directory("b");
    file("a/f", "in a");
    Syscalls.rename(dir.resolve("a"), dir.resolve("b/a"));
    Syscalls.rename(dir.resolve("b/a"), dir.resolve("c"));
    Syscalls.rename(dir.resolve("b"), dir.resolve("c/b"));
    assertContent("in a", dir.resolve("c/f"));
    assertEquals(List.of("b", "f"), Syscalls.names(dir.resolve("c")));
    assertEquals(
        Syscalls.stat(dir.resolve("c")).inode(),
        Syscalls.statAt(Syscalls.AT_FDCWD, dir + "/c/b/..", 0).inode());
  }

  @Test
  void anOpenFileAndAnOpenDirectoryMove() throws Exception {
    directory("d");
    Path path = file("d/f", "content");
    int fd = Syscalls.open(path, Syscalls.O_RDONLY);
    int folder = Syscalls.open(dir.resolve("d"), Syscalls.O_RDONLY | Syscalls.O_DIRECTORY);
    Syscalls.rename(dir.resolve("d"), dir.resolve("moved"));
    Syscalls.rename(dir.resolve("moved/f"), dir.resolve("moved/g"));
    assertEquals("content", new String(Syscalls.readAll(fd), StandardCharsets.UTF_8));
    int again = Syscalls.openAt(folder, "g", Syscalls.O_RDONLY, 0);
    assertEquals(Syscalls.fstat(fd).inode(), Syscalls.fstat(again).inode());
    Syscalls.close(again);
    Syscalls.close(folder);
    Syscalls.close(fd);
  }

  @Test
  void noReplaceForEachKind() throws Exception {
    for (String from : List.of("file", "dir", "link")) {
      for (String to : List.of("file", "dir", "link")) {
        Path a = dir.resolve(from + "-" + to);
        Path b = dir.resolve(from + "-" + to + "-there");
        make(from, a);
        make(to, b);
        fails(
            Errno.EEXIST,
            () -> Syscalls.rename(a.toString(), b.toString(), Syscalls.RENAME_NOREPLACE));
        assertIs(from, a, a);
        assertIs(to, b, b);
        directory(from + "-" + to + "-folder");
        Path free = dir.resolve(from + "-" + to + "-folder/free");
        Syscalls.rename(a.toString(), free.toString(), Syscalls.RENAME_NOREPLACE);
        assertIs(from, free, a);
      }
    }
  }

  @Test
  void manyRenamesOfOneFile() throws Exception {
    Path path = file("f", "content");
    directory("d");
    for (int i = 0; i < 30; i++) {
      Path next = dir.resolve(i % 3 == 0 ? "d/f" + i : "f" + i);
      Syscalls.rename(path, next);
      fails(Errno.ENOENT, () -> Syscalls.stat(dir.resolve("f")));
      path = next;
    }
    assertContent("content", path);
    assertEquals(1, Syscalls.names(dir.resolve("d")).size() + Syscalls.names(dir).size() - 1);
  }
}
