package org.eggsfs.run.mount;

import static org.eggsfs.run.mount.Syscalls.O_CREAT;
import static org.eggsfs.run.mount.Syscalls.O_DIRECTORY;
import static org.eggsfs.run.mount.Syscalls.O_EXCL;
import static org.eggsfs.run.mount.Syscalls.O_RDONLY;
import static org.eggsfs.run.mount.Syscalls.O_WRONLY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: every operation that takes a path gives the errors that POSIX says for bad paths, and every
 * name that a directory can hold works. Method: the same rules applied to each operation.
 */
class PathRulesTest extends OnMount {
  private static final int NAME_BYTES_MAX = 255;
  private static final int PATH_BYTES_MAX = 4096;

  /** An operation on a path. */
  record Operation(String name, OnPath call) {
    @Override
    public String toString() {
      return name;
    }
  }

  @FunctionalInterface
  interface OnPath {
    void run(String path, String other) throws Exception;
  }

  static Stream<Operation> operations() {
    return Stream.of(
        new Operation("open", (p, o) -> Syscalls.open(p, O_RDONLY, 0)),
        new Operation("create", (p, o) -> Syscalls.open(p, O_WRONLY | O_CREAT | O_EXCL, 0644)),
        new Operation("opendir", (p, o) -> Syscalls.open(p, O_RDONLY | O_DIRECTORY, 0)),
        new Operation("mkdir", (p, o) -> Syscalls.mkdir(p)),
        new Operation("rmdir", (p, o) -> Syscalls.rmdir(p)),
        new Operation("unlink", (p, o) -> Syscalls.unlink(p)),
        new Operation("rename from", (p, o) -> Syscalls.rename(p, o + "-to", 0)),
        new Operation("rename to", (p, o) -> Syscalls.rename(o, p, 0)),
        new Operation("symlink", (p, o) -> Syscalls.symlink("target", p)),
        new Operation("readlink", (p, o) -> Syscalls.readlink(p, 100)),
        new Operation("chmod", (p, o) -> Syscalls.chmod(p, 0644)),
        new Operation("chown", (p, o) -> Syscalls.chown(p, 0, 0)),
        new Operation("truncate", (p, o) -> Syscalls.truncate(p, 0)),
        new Operation(
            "utimensat",
            (p, o) -> Syscalls.utimensAt(Syscalls.AT_FDCWD, p, Syscalls.NOW, Syscalls.NOW, 0)),
        new Operation("stat", (p, o) -> Syscalls.statAt(Syscalls.AT_FDCWD, p, 0)),
        new Operation("access", (p, o) -> Syscalls.access(p, Syscalls.F_OK)));
  }

  @ParameterizedTest
  @MethodSource("operations")
  void aPrefixThatIsNoDirectory(Operation operation) throws Exception {
    String other = file("other", "x").toString();
    String path = file("file", "x") + "/below";
    fails(Errno.ENOTDIR, () -> operation.call().run(path, other));
    fails(Errno.ENOTDIR, () -> operation.call().run(path + "/deeper", other));
  }

  @ParameterizedTest
  @MethodSource("operations")
  void aPrefixThatDoesNotExist(Operation operation) throws Exception {
    String other = file("other", "x").toString();
    fails(Errno.ENOENT, () -> operation.call().run(dir + "/none/below", other));
  }

  @ParameterizedTest
  @MethodSource("operations")
  void aLoopOfSymlinks(Operation operation) throws Exception {
    String other = file("other", "x").toString();
    Syscalls.symlink("b", dir.resolve("a"));
    Syscalls.symlink("a", dir.resolve("b"));
    fails(Errno.ELOOP, () -> operation.call().run(dir + "/a/below", other));
  }

  @ParameterizedTest
  @MethodSource("operations")
  void aNameThatIsTooLong(Operation operation) throws Exception {
    String other = file("other", "x").toString();
    String tooLong = "n".repeat(NAME_BYTES_MAX + 1);
    fails(Errno.ENAMETOOLONG, () -> operation.call().run(dir + "/" + tooLong, other));
    fails(Errno.ENAMETOOLONG, () -> operation.call().run(dir + "/" + tooLong + "/x", other));
    // Bytes count, not letters.
    String letters = "ü".repeat(128);
    fails(Errno.ENAMETOOLONG, () -> operation.call().run(dir + "/" + letters, other));
  }

  @ParameterizedTest
  @MethodSource("operations")
  void aPathThatIsTooLong(Operation operation) throws Exception {
    String other = file("other", "x").toString();
    String path = dir + "/./".repeat(PATH_BYTES_MAX / 3) + "x";
    fails(Errno.ENAMETOOLONG, () -> operation.call().run(path, other));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x",
        "with space",
        " ",
        "-rf",
        "...",
        "new\nline",
        "tab\tand\"quote'",
        "ünïcödé ☃ 𝄞",
        "*?[a]$HOME`id`\\",
        "255"
      })
  void namesOfAllKinds(String given) throws Exception {
    String name = given.equals("255") ? "n".repeat(NAME_BYTES_MAX) : given;
    Path path = file(name, "content");
    assertContent("content", path);
    assertEquals(List.of(name), Syscalls.names(dir));
    Syscalls.rename(path, dir.resolve("other"));
    Syscalls.mkdir(path);
    Syscalls.rename(dir.resolve("other"), path.resolve(name));
    assertContent("content", path.resolve(name));
    Syscalls.unlink(path.resolve(name));
    Syscalls.rmdir(path);
    Syscalls.symlink(name, path);
    assertEquals(name, Syscalls.readlink(path));
    assertEquals(List.of(name), Syscalls.names(dir));
  }

  @Test
  void namesThatAreNoText() throws Exception {
    Shell shell = new Shell(dir);
    shell
        .bash(
            """
            set -e
            for i in 1 80 ff 7f 'c3\\x28'; do
              name=$(printf "a\\x${i}b")
              printf '%s' "$i" > "$name"
              [ "$(cat "$name")" = "$i" ]
              mv "$name" "$name.moved"
              [ "$(cat "$name.moved")" = "$i" ]
            done
            [ "$(ls -A | LC_ALL=C wc -l)" = 5 ]
            rm a*
            [ -z "$(ls -A)" ]
            """)
        .ok();
  }

  @Test
  void namesThatDifferOnlyInCaseAreTwo() throws Exception {
    file("name", "small");
    file("NAME", "large");
    assertContent("small", dir.resolve("name"));
    assertContent("large", dir.resolve("NAME"));
  }

  @Test
  void theEmptyPath() throws Exception {
    fails(Errno.ENOENT, () -> Syscalls.open("", O_RDONLY, 0));
    fails(Errno.ENOENT, () -> Syscalls.unlink(""));
    fails(Errno.ENOENT, () -> Syscalls.mkdir(""));
    fails(Errno.ENOENT, () -> Syscalls.symlink("", dir.resolve("l")));
  }

  @Test
  void aDeepPath() throws Exception {
    Path path = dir;
    for (int i = 0; i < 12; i++) {
      path = path.resolve("d".repeat(200));
      Syscalls.mkdir(path);
    }
    Path bottom = path.resolve("f");
    int fd = Syscalls.open(bottom, O_WRONLY | O_CREAT);
    Syscalls.write(fd, "deep");
    Syscalls.close(fd);
    assertContent("deep", bottom);
    new Shell(dir).bash("rm -r d*").ok();
    assertEquals(List.of(), Syscalls.names(dir));
  }

  @Test
  void trailingSlashes() throws Exception {
    String f = file("f", "x").toString();
    String d = directory("d").toString();
    Syscalls.symlink("d", dir.resolve("l"));
    Syscalls.symlink("f", dir.resolve("lf"));
    fails(Errno.ENOTDIR, () -> Syscalls.open(f + "/", O_RDONLY, 0));
    fails(Errno.ENOTDIR, () -> Syscalls.unlink(f + "/"));
    fails(Errno.ENOTDIR, () -> Syscalls.rmdir(f + "/"));
    fails(Errno.EISDIR, () -> Syscalls.open(dir + "/new/", O_WRONLY | O_CREAT, 0644));
    fails(Errno.EISDIR, () -> Syscalls.unlink(d + "/"));
    fails(Errno.ENOTDIR, () -> Syscalls.rename(f + "/", dir + "/new", 0));
    fails(Errno.ENOTDIR, () -> Syscalls.rename(f, dir + "/new/", 0));
    fails(Errno.ENOENT, () -> Syscalls.symlink("x", dir + "/new/"));
    fails(Errno.ENOTDIR, () -> Syscalls.statAt(Syscalls.AT_FDCWD, dir + "/lf/", 0));
    fails(Errno.ENOTDIR, () -> Syscalls.rmdir(dir + "/l/"));
    int followed =
        Syscalls.statAt(Syscalls.AT_FDCWD, dir + "/l/", Syscalls.AT_SYMLINK_NOFOLLOW).type();
    assertEquals(Syscalls.S_IFDIR, followed);
    Syscalls.mkdir(dir + "/made//");
    Syscalls.rename(d + "/", dir + "/moved/", 0);
    Syscalls.rmdir(dir + "/moved///");
    Syscalls.rmdir(dir + "/made/");
    assertEquals(List.of("f", "l", "lf"), Syscalls.names(dir));
  }

  @Test
  void dotAndDotDot() throws Exception {
    Path d = directory("d");
    directory("d/sub");
    fails(Errno.EINVAL, () -> Syscalls.rmdir(d + "/."));
    fails(Errno.ENOTEMPTY, () -> Syscalls.rmdir(d + "/sub/.."));
    fails(Errno.EISDIR, () -> Syscalls.unlink(d + "/."));
    fails(Errno.EEXIST, () -> Syscalls.mkdir(d + "/."));
    fails(Errno.EEXIST, () -> Syscalls.mkdir(d + "/.."));
    fails(Errno.EBUSY, () -> Syscalls.rename(d + "/sub/.", dir + "/x", 0));
    fails(Errno.EBUSY, () -> Syscalls.rename(d + "/sub", dir + "/d/..", 0));
    fails(Errno.EISDIR, () -> Syscalls.open(d + "/.", O_WRONLY | O_CREAT, 0644));
    assertEquals(
        Syscalls.stat(dir).inode(),
        Syscalls.statAt(Syscalls.AT_FDCWD, d + "/sub/../..", 0).inode());
  }

  @Test
  void theRootOfTheMount() throws Exception {
    onlyOurs();
    Path root = SharedMount.current().root();
    assertEquals(Syscalls.S_IFDIR, Syscalls.stat(root).type());
    fails(Errno.EBUSY, () -> Syscalls.rmdir(root));
    fails(Errno.EBUSY, () -> Syscalls.rename(root.toString(), root + "-moved", 0));
    failsWithOneOf(
        List.of(Errno.EXDEV, Errno.EBUSY),
        () -> Syscalls.rename(file("f", "x").toString(), root + "-outside", 0));
    assertTrue(Syscalls.names(root).contains(root.relativize(dir).getName(0).toString()));
  }

  @Test
  void aWorkingDirectoryThatIsRemoved() throws Exception {
    directory("d");
    Shell.Ran ran =
        new Shell(dir.resolve("d")).bash("rmdir ../d; > f && exit 9; mkdir x && exit 8; exit 0");
    assertEquals(0, ran.exitCode(), ran.errors());
    assertTrue(ran.errors().contains("No such file or directory"), ran.errors());
  }
}
