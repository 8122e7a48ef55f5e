package org.eggsfs.run.mount;

import static org.eggsfs.run.mount.Syscalls.O_CREAT;
import static org.eggsfs.run.mount.Syscalls.O_EXCL;
import static org.eggsfs.run.mount.Syscalls.O_RDONLY;
import static org.eggsfs.run.mount.Syscalls.O_RDWR;
import static org.eggsfs.run.mount.Syscalls.O_WRONLY;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * Goal: a file is committed by the last close of what was opened, before that close returns, and by
 * nothing else (mount.md section 3). Method: descriptors copied, inherited, passed on and closed in
 * all orders by system calls, and by programs that end in each way.
 */
class CommitOnCloseTest extends OnMount {
  private static boolean isCommitted(Path path) throws Exception {
    return SharedMount.current().isCommitted(path);
  }

  private void assertNothingCommitted() throws Exception {
    assertEquals(List.of(), SharedMount.current().committedNames(dir));
  }

  private Shell shell() {
    return new Shell(dir);
  }

  // One process.

  @Test
  void aCopyOfTheDescriptorKeepsTheFileOpen() throws Exception {
    onlyOurs();
    Path path = dir.resolve("f");
    int first = Syscalls.open(path, O_WRONLY | O_CREAT);
    int second = Syscalls.dup(first);
    Syscalls.write(first, "one ");
    Syscalls.close(first);
    assertFalse(isCommitted(path));
    Syscalls.write(second, "two");
    Syscalls.close(second);
    assertTrue(isCommitted(path, "one two"));
  }

  private static boolean isCommitted(Path path, String content) throws Exception {
    return SharedMount.current().isCommitted(path, bytes(content));
  }

  @Test
  void aDescriptorThatIsReplacedByDup2IsClosed() throws Exception {
    onlyOurs();
    int first = Syscalls.open(dir.resolve("first"), O_WRONLY | O_CREAT);
    int second = Syscalls.open(dir.resolve("second"), O_WRONLY | O_CREAT);
    Syscalls.write(second, "second");
    Syscalls.dup2(first, second);
    waitUntil("the replaced file is there", () -> isCommitted(dir.resolve("second"), "second"));
    assertFalse(isCommitted(dir.resolve("first")));
    Syscalls.write(second, "first");
    Syscalls.close(first);
    Syscalls.close(second);
    assertTrue(isCommitted(dir.resolve("first"), "first"));
  }

  @Test
  void theShellsOwnOrderOfCalls() throws Exception {
    Path path = dir.resolve("f");
    int saved = Syscalls.open(Path.of("/dev/null"), O_WRONLY);
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.dup2(fd, saved);
    Syscalls.close(fd);
    Syscalls.write(saved, "after the first close");
    Syscalls.close(saved);
    assertContent("after the first close", path);
  }

  @Test
  void anEmptyFileIsCommittedToo() throws Exception {
    Syscalls.close(Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT));
    assertContent("", dir.resolve("f"));
    Syscalls.close(Syscalls.open(dir.resolve("g"), O_RDONLY | O_CREAT));
    assertContent("", dir.resolve("g"));
    Syscalls.close(Syscalls.creat(dir.resolve("h"), 0644));
    assertContent("", dir.resolve("h"));
  }

  @Test
  void nothingIsSeenBeforeTheClose() throws Exception {
    onlyOurs();
    int fd = Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT);
    Syscalls.write(fd, randomBytes(2_000_000, 1));
    Syscalls.fsync(fd);
    assertNothingCommitted();
    Syscalls.close(fd);
    assertTrue(isCommitted(dir.resolve("f")));
  }

  @Test
  void threadsCloseAtTheSameTime() throws Exception {
    onlyOurs();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (int round = 0; round < 40; round++) {
        Path path = dir.resolve("f" + round);
        List<Integer> fds = new ArrayList<>();
        fds.add(Syscalls.open(path, O_WRONLY | O_CREAT));
        for (int i = 0; i < 3; i++) {
          fds.add(Syscalls.dup(fds.getFirst()));
        }
        Syscalls.write(fds.getLast(), "round " + round);
        List<Future<?>> closing = new ArrayList<>();
        for (int fd : fds) {
          closing.add(
              threads.submit(
                  () -> {
                    Syscalls.close(fd);
                    return null;
                  }));
        }
        for (Future<?> close : closing) {
          close.get();
        }
        String content = "round " + round;
        waitUntil("round " + round + " is committed", () -> isCommitted(path, content));
      }
    }
  }

  @Test
  void manyFilesOpenAtOnce() throws Exception {
    List<Integer> fds = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      fds.add(Syscalls.open(dir.resolve("f" + i), O_WRONLY | O_CREAT | O_EXCL));
    }
    for (int i = 0; i < 200; i++) {
      Syscalls.write(fds.get(i), "file " + i);
    }
    for (int i = 199; i >= 0; i--) {
      Syscalls.close(fds.get(i));
    }
    assertEquals(200, Syscalls.names(dir).size());
    for (int i = 0; i < 200; i += 37) {
      assertContent("file " + i, dir.resolve("f" + i));
    }
  }

  @Test
  void aPendingFileCanBeRenamed() throws Exception {
    int fd = Syscalls.open(dir.resolve("before"), O_WRONLY | O_CREAT);
    Syscalls.write(fd, "moved while written");
    Syscalls.rename(dir.resolve("before"), dir.resolve("after"));
    Syscalls.write(fd, " and after");
    Syscalls.close(fd);
    assertEquals(List.of("after"), Syscalls.names(dir));
    assertContent("moved while written and after", dir.resolve("after"));
  }

  @Test
  void aPendingFileCanReplaceACommittedOne() throws Exception {
    Path old = file("f", "old");
    int fd = Syscalls.open(dir.resolve("temporary"), O_WRONLY | O_CREAT);
    Syscalls.write(fd, "new");
    Syscalls.rename(dir.resolve("temporary"), old);
    Syscalls.close(fd);
    assertEquals(List.of("f"), Syscalls.names(dir));
    assertContent("new", old);
  }

  @Test
  void aTemporaryFileOfItsOwnReplacesACommittedOne() throws Exception {
    Path old = file("f", "old");
    int fd = Syscalls.open(dir.resolve("temporary"), O_RDWR | O_CREAT | O_EXCL);
    Syscalls.write(fd, "new");
    Syscalls.rename(dir.resolve("temporary"), old);
    Syscalls.close(fd);
    assertEquals(List.of("f"), Syscalls.names(dir));
    assertContent("new", old);
  }

  @Test
  void aPendingFileRenamedWithoutReplacingDoesNotReplaceLaterEither() throws Exception {
    onlyOurs();
    Path wanted = dir.resolve("wanted");
    int fd = Syscalls.open(dir.resolve("temporary"), O_WRONLY | O_CREAT);
    Syscalls.write(fd, "late");
    Syscalls.rename(
        dir.resolve("temporary").toString(), wanted.toString(), Syscalls.RENAME_NOREPLACE);
    shell().bash("echo early > wanted").ok();
    fails(Errno.EEXIST, () -> Syscalls.close(fd));
    assertContent("early\n", wanted);
    assertEquals(List.of("wanted"), Syscalls.names(dir));
  }

  @Test
  void renamingANewVersionTakesTheOldOneAlong() throws Exception {
    onlyOurs();
    Path old = file("f", "old");
    Path moved = dir.resolve("g");
    int fd = Syscalls.open(old, O_WRONLY | Syscalls.O_TRUNC);
    Syscalls.write(fd, "new");
    Syscalls.rename(old, moved);
    assertEquals(List.of("g"), SharedMount.current().committedNames(dir));
    assertTrue(isCommitted(moved, "old"));
    Syscalls.close(fd);
    assertEquals(List.of("g"), SharedMount.current().committedNames(dir));
    assertTrue(isCommitted(moved, "new"));
  }

  @Test
  void removingANewVersionRemovesTheOldOneToo() throws Exception {
    Path old = file("f", "old");
    int fd = Syscalls.open(old, O_WRONLY | Syscalls.O_TRUNC);
    Syscalls.write(fd, "new");
    Syscalls.unlink(old);
    assertEquals(List.of(), Syscalls.names(dir));
    Syscalls.close(fd);
    assertEquals(List.of(), Syscalls.names(dir));
  }

  @Test
  void aNewVersionThatCouldNotBeOpenedReplacesNothing() throws Exception {
    onlyOurs();
    Path path = file("f", "content");
    int fd = Syscalls.open(path, O_RDONLY);
    // Not by its name, so the kernel does not come back for the new version.
    String bySelf = "/proc/self/fd/" + fd;
    fails(Errno.EPERM, () -> Syscalls.open(bySelf, O_WRONLY | Syscalls.O_TRUNC, 0));
    Thread.sleep(300);
    int reading = Syscalls.open(path, O_RDONLY);
    assertArrayEquals(bytes("content"), Syscalls.read(reading, 100));
    Syscalls.close(reading);
    Syscalls.close(fd);
    assertTrue(isCommitted(path, "content"));
  }

  @Test
  void twoOpensOfOneFileBothHaveToBeClosed() throws Exception {
    onlyOurs();
    Path path = dir.resolve("f");
    int first = Syscalls.open(path, O_WRONLY | O_CREAT);
    int second = Syscalls.open(path, O_RDONLY);
    Syscalls.write(first, "x");
    Syscalls.close(first);
    assertFalse(isCommitted(path));
    Syscalls.close(second);
    assertTrue(isCommitted(path, "x"));
  }

  @Test
  void aSharedMappingOfAFileBeingWrittenIsRefused() throws Exception {
    onlyOurs();
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_RDWR | O_CREAT);
    Syscalls.write(fd, "content");
    int both = Syscalls.PROT_READ | Syscalls.PROT_WRITE;
    fails(Errno.ENODEV, () -> Syscalls.mmap(fd, 4096, both, Syscalls.MAP_SHARED));
    long own = Syscalls.mmap(fd, 4096, both, Syscalls.MAP_PRIVATE);
    assertArrayEquals(bytes("content"), Syscalls.readMapped(own, 7));
    Syscalls.munmap(own, 4096);
    // Another descriptor of it reads what was written last, too.
    int reading = Syscalls.open(path, O_RDONLY);
    assertArrayEquals(bytes("content"), Syscalls.read(reading, 100));
    Syscalls.pwrite(fd, bytes("CON"), 0);
    assertArrayEquals(bytes("CONtent"), Syscalls.pread(reading, 100, 0));
    Syscalls.close(reading);
    Syscalls.close(fd);
    assertContent("CONtent", path);
  }

  @Test
  void aPendingFileCanBeRemovedAndUsedAsScratch() throws Exception {
    Path path = dir.resolve("scratch");
    int fd = Syscalls.open(path, O_RDWR | O_CREAT | O_EXCL);
    Syscalls.unlink(path);
    Syscalls.write(fd, "nobody sees this");
    assertArrayEquals(bytes("nobody"), Syscalls.pread(fd, 6, 0));
    assertEquals(16, Syscalls.fstat(fd).size());
    Syscalls.close(fd);
    assertFalse(exists(path));
    assertEquals(List.of(), Syscalls.names(dir));
  }

  @Test
  void timesSetWhileWritingStay() throws Exception {
    Path path = dir.resolve("f");
    Syscalls.FileTime time = new Syscalls.FileTime(1_111_111_111, 222_222_222);
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.write(fd, "x");
    Syscalls.futimens(fd, time, time);
    assertEquals(time, Syscalls.fstat(fd).mtime());
    Syscalls.close(fd);
    assertEquals(time, Syscalls.stat(path).mtime());
  }

  @Test
  void aDirectoryThatIsRemovedMeanwhileMakesCloseFail() throws Exception {
    onlyOurs();
    Path folder = directory("d");
    int fd = Syscalls.open(folder.resolve("f"), O_WRONLY | O_CREAT);
    Syscalls.write(fd, "without a place");
    SharedMount.current().removeElsewhere(folder);
    fails(Errno.ENOENT, () -> Syscalls.close(fd));
    assertNothingCommitted();
  }

  // Shells.

  @Test
  void redirections() throws Exception {
    String script =
        """
        set -e
        echo one > plain
        > empty
        : >> emptyappended
        echo two >> appended
        { echo a; echo b; } > group
        (echo c; echo d) > subshell
        seq 1 20000 | sort -n > sorted
        echo x | cat | tr x y > pipeline
        cat > heredoc <<END
        line
        END
        cat < plain > copied
        exec 3> byhand; echo three >&3; echo four >&3; exec 3>&-
        exec 4> left; echo five >&4; exec 5>&4 4>&-; echo six >&5; exec 5>&-
        echo both 1> stdout 2> stderr
        seq 3 | tee tee1 tee2 > tee3
        if echo cond > ifout; then echo then >> thenout; fi
        for i in 1 2 3; do echo $i; done > loop
        f() { echo in function; } ; f > function
        wc -c < sorted > count
        cat plain appended > together
        """;
    for (String program : List.of("bash", "dash")) {
      Shell.assumeInstalled(program);
      Path folder = directory(program);
      new Shell(folder).run(program, "-c", script).ok();
      assertContent("one\n", folder.resolve("plain"));
      assertContent("", folder.resolve("empty"));
      assertContent("", folder.resolve("emptyappended"));
      assertContent("two\n", folder.resolve("appended"));
      assertContent("a\nb\n", folder.resolve("group"));
      assertContent("c\nd\n", folder.resolve("subshell"));
      assertContent("y\n", folder.resolve("pipeline"));
      assertContent("line\n", folder.resolve("heredoc"));
      assertContent("one\n", folder.resolve("copied"));
      assertContent("three\nfour\n", folder.resolve("byhand"));
      assertContent("five\nsix\n", folder.resolve("left"));
      assertContent("both\n", folder.resolve("stdout"));
      assertContent("", folder.resolve("stderr"));
      for (String tee : List.of("tee1", "tee2", "tee3")) {
        assertContent("1\n2\n3\n", folder.resolve(tee));
      }
      assertContent("cond\n", folder.resolve("ifout"));
      assertContent("then\n", folder.resolve("thenout"));
      assertContent("1\n2\n3\n", folder.resolve("loop"));
      assertContent("in function\n", folder.resolve("function"));
      assertContent("108894\n", folder.resolve("count"));
      assertContent("one\ntwo\n", folder.resolve("together"));
    }
  }

  @Test
  void appendingToACommittedFileIsRefusedWithAClearMessage() throws Exception {
    onlyOurs();
    Path path = file("f", "old\n");
    Shell.Ran ran = shell().bash("echo more >> f");
    assertEquals(1, ran.exitCode());
    assertTrue(ran.errors().contains("Operation not permitted"), ran.errors());
    assertContent("old\n", path);
  }

  @Test
  void noclobber() throws Exception {
    file("f", "old\n");
    Shell.Ran ran = shell().bash("set -C; echo new > g && echo other > f");
    assertEquals(1, ran.exitCode());
    assertContent("new\n", dir.resolve("g"));
    assertContent("old\n", dir.resolve("f"));
  }

  @Test
  void whatAShellHasWrittenTheNextCommandReads() throws Exception {
    String script = "for i in $(seq 40); do echo $i > f$i; [ \"$(cat f$i)\" = $i ] || exit 3; done";
    shell().bash(script).ok();
    shell().run("dash", "-c", script.replace("f$i", "g$i")).ok();
  }

  @Test
  void backgroundJobs() throws Exception {
    shell().bash("for i in 1 2 3; do (sleep 0.1; echo job $i) > f$i & done; wait; cat f?").ok();
    assertContent("job 3\n", dir.resolve("f3"));
    // The shell ends first; the file is there when the job has ended.
    shell().bash("(sleep 0.3; echo late) > late 2> /dev/null < /dev/null &").ok();
    waitUntil(
        "the job is done",
        () -> exists(dir.resolve("late")) && Syscalls.stat(dir.resolve("late")).size() == 5);
    assertContent("late\n", dir.resolve("late"));
  }

  // Inherited and passed descriptors.

  @Test
  void aChildThatEndsDoesNotCommitItsParentsFile() throws Exception {
    String script =
        """
        exec 3> f
        echo first >&3
        (exit 0)
        (echo child >&3)
        sh -c 'echo program >&3'
        sh -c 'exec 3>&-'
        ls > listing
        echo last >&3
        """;
    shell().bash(script).ok();
    assertContent("first\nchild\nprogram\nlast\n", dir.resolve("f"));
    // Neither the open file nor the listing itself is there while the directory is listed.
    if (SharedMount.current().isOurs()) {
      assertContent("", dir.resolve("listing"));
    }
  }

  @Test
  void aChildThatOutlivesItsParentCommits() throws Exception {
    onlyOurs();
    Shell.Ran ran =
        shell()
            .bash(
                "exec 3> f; echo parent >&3; (sleep 0.5; echo child >&3) > /dev/null 2>&1 &"
                    + " exit 0");
    assertEquals(0, ran.exitCode(), ran.errors());
    waitUntil("the child has ended", () -> isCommitted(dir.resolve("f")));
    assertContent("parent\nchild\n", dir.resolve("f"));
  }

  @Test
  void aProgramThatIsExecutedKeepsTheDescriptor() throws Exception {
    shell().bash("exec 3> f; echo before >&3; exec sh -c 'echo after >&3'").ok();
    assertContent("before\nafter\n", dir.resolve("f"));
    shell().bash("exec > g; echo before; exec echo after").ok();
    assertContent("before\nafter\n", dir.resolve("g"));
  }

  @Test
  void exitWithoutCloseCommits() throws Exception {
    shell().bash("exec 3> f; echo x >&3; exit 0").ok();
    assertContent("x\n", dir.resolve("f"));
    assertEquals(7, shell().bash("exec 3> g; echo x >&3; exit 7").exitCode());
    assertContent("x\n", dir.resolve("g"));
    shell()
        .python(
            "import os; fd = os.open('h', os.O_WRONLY | os.O_CREAT); "
                + "os.write(fd, b'x'); os._exit(0)")
        .ok();
    assertContent("x", dir.resolve("h"));
  }

  @Test
  void execClosesWhatIsMarked() throws Exception {
    shell()
        .python(
            """
            import os
            fd = os.open('f', os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
            os.write(fd, b'closed by exec')
            os.execvp('sh', ['sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9; do [ -e f ] && cat f && exit 0; sleep 0.3; done; exit 1'])
            """)
        .ok();
    assertContent("closed by exec", dir.resolve("f"));
  }

  @Test
  void closeRange() throws Exception {
    shell()
        .python(
            """
            import os
            for name in 'abc':
              os.write(os.open(name, os.O_WRONLY | os.O_CREAT), name.encode())
            os.closerange(3, 200)
            for name in 'abc':
              assert open(name).read() == name
            """)
        .ok();
    assertEquals(List.of("a", "b", "c"), Syscalls.names(dir));
  }

  @Test
  void forkedProcessesWriteInTurns() throws Exception {
    shell()
        .python(
            """
            import os
            fd = os.open('f', os.O_WRONLY | os.O_CREAT)
            for i in range(5):
              os.write(fd, b'parent %d;' % i)
              child = os.fork()
              if child == 0:
                os.write(fd, b'child %d;' % i)
                if i % 2: os.close(fd)
                os._exit(i)
              os.waitpid(child, 0)
            os.close(fd)
            assert len(open('f').read()) == 85, open('f').read()
            """)
        .ok();
    StringBuilder expected = new StringBuilder();
    for (int i = 0; i < 5; i++) {
      expected.append("parent " + i + ";child " + i + ";");
    }
    assertContent(expected.toString(), dir.resolve("f"));
  }

  @Test
  void aDescriptorPassedThroughASocket() throws Exception {
    shell()
        .python(
            """
            import os, socket
            here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            child = os.fork()
            if child == 0:
              here.close()
              data, fds, flags, address = socket.recv_fds(there, 10, 1)
              os.write(fds[0], b' and the receiver')
              there.send(b'written')
              there.recv(10)
              os.write(fds[0], b' and again')
              os.close(fds[0])
              os._exit(0)
            there.close()
            fd = os.open('f', os.O_WRONLY | os.O_CREAT)
            os.write(fd, b'the sender')
            socket.send_fds(here, [b'x'], [fd])
            here.recv(10)
            os.close(fd)
            here.send(b'go')
            assert os.waitpid(child, 0)[1] == 0
            """)
        .ok();
    assertContent("the sender and the receiver and again", dir.resolve("f"));
  }

  @Test
  void aDaemonTakesOver() throws Exception {
    shell()
        .python(
            """
            import os, time
            fd = os.open('f', os.O_WRONLY | os.O_CREAT)
            os.write(fd, b'opened by the first;')
            if os.fork() > 0: os._exit(0)
            os.setsid()
            if os.fork() > 0: os._exit(0)
            null = os.open('/dev/null', os.O_RDWR)
            for i in range(3): os.dup2(null, i)
            time.sleep(0.3)
            os.write(fd, b'written by the daemon')
            os.close(fd)
            """)
        .ok();
    waitUntil(
        "the daemon is done",
        () -> exists(dir.resolve("f")) && Syscalls.stat(dir.resolve("f")).size() == 41);
    assertContent("opened by the first;written by the daemon", dir.resolve("f"));
  }

  @Test
  void aThreadOfAnotherProcessClosesLast() throws Exception {
    shell()
        .python(
            """
            import os, threading
            for i in range(20):
              fd = os.open('f%d' % i, os.O_WRONLY | os.O_CREAT)
              copies = [os.dup(fd) for _ in range(3)]
              os.write(fd, b'x' * i)
              threads = [threading.Thread(target=os.close, args=(c,)) for c in [fd] + copies]
              for t in threads: t.start()
              for t in threads: t.join()
            """)
        .ok();
    waitUntil("all are there", () -> Syscalls.names(dir).size() == 20);
    for (int i = 0; i < 20; i++) {
      assertContent("x".repeat(i), dir.resolve("f" + i));
    }
  }

  @Test
  void aProcessInItsOwnPidNamespace() throws Exception {
    Shell.assumeInstalled("unshare");
    Shell.Ran possible = shell().bash("unshare -pf true");
    Assumptions.assumeTrue(
        possible.exitCode() == 0, "no pid namespaces here: " + possible.errors());
    shell()
        .bash("unshare -pf sh -c 'exec 3> f; echo one >&3; (echo two >&3); echo three >&3'")
        .ok();
    waitUntil("the file is there", () -> exists(dir.resolve("f")));
    assertContent("one\ntwo\nthree\n", dir.resolve("f"));
  }

  // Death by a signal.

  @Test
  void killedBeforeCloseLeavesNoName() throws Exception {
    onlyOurs();
    for (String signal : List.of("KILL", "SEGV", "TERM", "ABRT", "HUP", "PIPE")) {
      Shell.Ran ran =
          shell()
              .bash("ulimit -c 0; exec 3> f; echo partial >&3; kill -" + signal + " $$; sleep 5");
      assertTrue(ran.exitCode() > 128, signal + " gave " + ran.exitCode());
    }
    // The death of the file is not waited for by anybody; a later commit of it would be seen here.
    Syscalls.close(Syscalls.open(dir.resolve("after"), O_WRONLY | O_CREAT));
    assertEquals(List.of("after"), SharedMount.current().committedNames(dir));
    waitUntil("the name is gone here too", () -> !exists(dir.resolve("f")));
  }

  @Test
  void aProgramKilledWhileItWritesMuch() throws Exception {
    onlyOurs();
    Shell.Ran ran =
        shell().bash("cat /dev/zero > f & sleep 0.4; kill -9 $!; wait $! 2> /dev/null; exit 0");
    assertEquals(0, ran.exitCode());
    assertNothingCommitted();
  }

  @Test
  void aChildThatIsKilledDoesNotTakeItsParentsFile() throws Exception {
    Shell.Ran ran =
        shell()
            .bash(
                "exec 3> f; echo parent >&3; (echo child >&3; kill -9 $BASHPID) 2> /dev/null;"
                    + " echo after >&3");
    assertEquals(0, ran.exitCode(), ran.errors());
    assertContent("parent\nchild\nafter\n", dir.resolve("f"));
  }

  @Test
  void aChildThatIsKilledWhileItWaitsToWriteDoesNotTakeItsParentsFile() throws Exception {
    Shell.Ran ran =
        shell()
            .bash(
                "exec 3> f; cat /dev/zero >&3 & sleep 0.3; kill -9 $!; wait $! 2> /dev/null;"
                    + " echo after >&3 && exec 3>&-; tail -c 6 f");
    assertEquals(0, ran.exitCode(), ran.errors());
    assertEquals("after\n", ran.output());
  }

  @Test
  void theLastHolderDecides() throws Exception {
    onlyOurs();
    // The opener is killed, the other one ends well.
    shell()
        .bash("exec 3> f; (sleep 0.4; echo survivor >&3) > /dev/null 2>&1 & kill -9 $$; sleep 9");
    waitUntil("the survivor commits", () -> isCommitted(dir.resolve("f"), "survivor\n"));
    // The opener ends well, the other one is killed.
    shell().bash("exec 3> g; (sleep 0.4; kill -9 $BASHPID) > /dev/null 2>&1 & exit 0");
    shell().bash("sleep 0.6; exit 0").ok();
    assertEquals(List.of("f"), SharedMount.current().committedNames(dir));
  }

  @Test
  void anInterruptedPipelineLeavesOnlyWhatWasClosed() throws Exception {
    onlyOurs();
    shell().bash("echo whole > whole; yes | head -c 3000000 > cut & sleep 0.05; wait; exit 0").ok();
    assertEquals(3_000_000, Syscalls.stat(dir.resolve("cut")).size());
    assertContent("whole\n", dir.resolve("whole"));
  }
}
