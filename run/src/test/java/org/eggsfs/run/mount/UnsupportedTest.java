package org.eggsfs.run.mount;

import static org.eggsfs.run.mount.Syscalls.O_APPEND;
import static org.eggsfs.run.mount.Syscalls.O_CREAT;
import static org.eggsfs.run.mount.Syscalls.O_RDWR;
import static org.eggsfs.run.mount.Syscalls.O_WRONLY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eggsfs.run.mount.Unsupported.Refusal;
import org.junit.jupiter.api.Test;

/**
 * Goal: each operation of {@code unsupported.tsv} gets its error and changes nothing, and users
 * find the same list in the documentation. Method: one call for each line.
 */
class UnsupportedTest extends OnMount {
  private static final int FLUSHED_BYTES = 40 << 20;

  private Map<String, Calls> calls() throws Exception {
    Path committed = file("committed", "content");
    String name = committed.toString();
    Path other = file("other", "other");
    String missing = dir.resolve("missing").toString();
    int pending = Syscalls.open(dir.resolve("pending"), O_RDWR | O_CREAT);
    int flushed = Syscalls.open(dir.resolve("flushed"), O_RDWR | O_CREAT);
    writeAll(flushed, new byte[FLUSHED_BYTES]);
    Syscalls.fsync(flushed);

    Map<String, Calls> calls = new LinkedHashMap<>();
    calls.put("open O_WRONLY of a committed file", () -> Syscalls.open(committed, O_WRONLY));
    calls.put("open O_RDWR of a committed file", () -> Syscalls.open(committed, O_RDWR));
    calls.put(
        "open O_APPEND of a committed file", () -> Syscalls.open(committed, O_WRONLY | O_APPEND));
    calls.put("truncate of a committed file", () -> Syscalls.truncate(name, 3));
    calls.put("pwrite into a flushed span", () -> Syscalls.pwrite(flushed, bytes("x"), 10));
    calls.put("ftruncate into a flushed span", () -> Syscalls.ftruncate(flushed, 10));
    calls.put(
        "mmap MAP_SHARED of a file being written",
        () -> Syscalls.mmap(pending, 4096, Syscalls.PROT_READ, Syscalls.MAP_SHARED));
    calls.put(
        "fallocate FALLOC_FL_PUNCH_HOLE",
        () ->
            Syscalls.fallocate(
                flushed, Syscalls.FALLOC_FL_PUNCH_HOLE | Syscalls.FALLOC_FL_KEEP_SIZE, 0, 4096));
    calls.put("link", () -> Syscalls.link(committed, Path.of(missing)));
    calls.put("mkfifo", () -> Syscalls.mkfifo(Path.of(missing)));
    calls.put(
        "mknod S_IFSOCK", () -> Syscalls.mknod(Path.of(missing), Syscalls.S_IFSOCK | 0644, 0));
    calls.put(
        "mknod S_IFCHR", () -> Syscalls.mknod(Path.of(missing), Syscalls.S_IFCHR | 0644, 0x103));
    calls.put(
        "mknod S_IFBLK", () -> Syscalls.mknod(Path.of(missing), Syscalls.S_IFBLK | 0644, 0x700));
    calls.put(
        "renameat2 RENAME_EXCHANGE",
        () -> Syscalls.rename(name, other.toString(), Syscalls.RENAME_EXCHANGE));
    calls.put(
        "renameat2 RENAME_WHITEOUT",
        () -> Syscalls.rename(name, missing, Syscalls.RENAME_WHITEOUT));
    calls.put("setxattr", () -> Syscalls.setxattr(committed, "user.mine", bytes("x")));
    calls.put("removexattr", () -> Syscalls.removexattr(committed, "eggsfs.inode"));
    calls.put("close pending", () -> Syscalls.close(pending));
    calls.put("close flushed", () -> Syscalls.close(flushed));
    return calls;
  }

  @Test
  void eachRefusalGetsItsError() throws Exception {
    onlyOurs();
    Map<String, Calls> calls = calls();
    Calls closePending = calls.remove("close pending");
    Calls closeFlushed = calls.remove("close flushed");
    assertEquals(Unsupported.all().keySet(), calls.keySet());
    for (Refusal refusal : Unsupported.all().values()) {
      try {
        fails(refusal.errno(), calls.get(refusal.operation()));
      } catch (AssertionError e) {
        throw new AssertionError(refusal.operation() + ": " + e.getMessage(), e);
      }
    }
    closePending.run();
    closeFlushed.run();
    assertContent("content", dir.resolve("committed"));
    assertContent("other", dir.resolve("other"));
    assertContent("", dir.resolve("pending"));
    assertEquals(FLUSHED_BYTES, Syscalls.stat(dir.resolve("flushed")).size());
    assertEquals(4, Syscalls.names(dir).size());
  }

  @Test
  void theDocumentationHasTheSameList() throws Exception {
    String page = Files.readString(Path.of("..", "docs", "mount.md"));
    for (Refusal refusal : Unsupported.all().values()) {
      String row =
          "| `"
              + refusal.operation()
              + "` | `"
              + refusal.errno()
              + "` | "
              + refusal.reason()
              + " |";
      assertTrue(page.contains(row), "docs/mount.md has no row " + row);
    }
    assertEquals(
        Unsupported.all().size(),
        page.lines().filter(line -> line.matches("\\| `[^`]+` \\| `E[A-Z]+` \\| .* \\|")).count(),
        "rows of refusals in docs/mount.md");
  }
}
