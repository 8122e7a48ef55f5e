package org.eggsfs.run.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: the programs that people use work on a mount without options for it. Method: each copies a
 * local tree with files of all sizes, symlinks and odd names, or makes and changes files as it
 * always does; what it made is compared with the local side.
 */
class ProgramsTest extends OnMount {
  @TempDir private Path local;
  private Path tree;
  private Shell shell;

  @BeforeEach
  void makeTree() throws Exception {
    shell = new Shell(dir);
    tree = local.resolve("tree");
    Files.createDirectories(tree.resolve("a/b/empty"));
    SplittableRandom random = new SplittableRandom(1);
    for (int size : new int[] {0, 1, 255, 256, 4096, 50_000, 1_500_000}) {
      byte[] content = new byte[size];
      random.nextBytes(content);
      Files.write(tree.resolve("file-" + size), content);
      Files.write(tree.resolve("a/file-" + size), content);
    }
    Files.writeString(tree.resolve("a/b/ünïcödé ☃"), "odd name");
    Files.writeString(tree.resolve("a/b/-n"), "odd name");
    Files.createSymbolicLink(tree.resolve("link"), Path.of("a/file-256"));
    Files.createSymbolicLink(tree.resolve("a/dangling"), Path.of("/nowhere"));
    new Shell(local).bash("find tree -exec touch -h -d '2011-12-13 14:15:16.171819202Z' {} +").ok();
  }

  /** Fails unless both trees are the same; file times too, where the program keeps them. */
  private void assertSame(Path actual, boolean times) throws Exception {
    new Shell(local).run("diff", "-r", "--no-dereference", tree.toString(), actual.toString()).ok();
    if (times) {
      String list = "find . ! -type d -printf '%p %T@ %s %y %l\\n' | sort";
      assertEquals(
          new Shell(tree).bash(list).ok().output(), new Shell(actual).bash(list).ok().output());
    }
  }

  @Test
  void cp() throws Exception {
    shell.bash("cp -r " + tree + " plain").ok();
    assertSame(dir.resolve("plain"), false);
    shell.bash("cp -a " + tree + " archive").ok();
    assertSame(dir.resolve("archive"), true);
    shell.bash("cp -a archive within && cp -r within " + local + "/back").ok();
    assertSame(dir.resolve("within"), true);
    assertSame(local.resolve("back"), false);
    // Over existing files, which is a new version of each.
    shell.bash("cp -rT plain archive && cp --sparse=always plain/file-1500000 sparse").ok();
    assertSame(dir.resolve("archive"), false);
    shell.bash("cmp sparse plain/file-1500000 && install -m 644 plain/file-256 installed").ok();
  }

  @Test
  void mvInAndOut() throws Exception {
    new Shell(local).bash("cp -a tree second").ok();
    shell.bash("mv " + local + "/second moved").ok();
    assertSame(dir.resolve("moved"), true);
    shell.bash("mv moved again && mv again " + local + "/third").ok();
    assertSame(local.resolve("third"), true);
    assertEquals(List.of(), Syscalls.names(dir));
  }

  @Test
  void dd() throws Exception {
    Path source = tree.resolve("file-1500000");
    shell.bash("dd if=" + source + " of=plain bs=7777 status=none").ok();
    shell.bash("dd if=" + source + " of=synced bs=64k conv=fsync status=none").ok();
    shell.bash("dd if=" + source + " of=plain bs=1M status=none").ok();
    shell.bash("dd if=synced of=part bs=1000 skip=3 count=5 status=none").ok();
    shell.bash("dd if=/dev/zero of=sparse bs=1 count=1 seek=999999 status=none").ok();
    assertContent(Files.readAllBytes(source), dir.resolve("plain"));
    assertContent(Files.readAllBytes(source), dir.resolve("synced"));
    assertEquals(5000, Syscalls.stat(dir.resolve("part")).size());
    assertContent(new byte[1_000_000], dir.resolve("sparse"));
  }

  @Test
  void tar() throws Exception {
    new Shell(local)
        .bash("tar -c --format=posix -f tree.tar tree && tar -cz --format=posix -f tree.tgz tree")
        .ok();
    shell.bash("tar xf " + local + "/tree.tar").ok();
    assertSame(dir.resolve("tree"), true);
    shell.bash("mkdir z && tar xzf " + local + "/tree.tgz -C z").ok();
    assertSame(dir.resolve("z/tree"), true);
    // Extracting again replaces.
    shell.bash("tar xf " + local + "/tree.tar").ok();
    assertSame(dir.resolve("tree"), true);
    shell
        .bash("tar -c --format=posix -f packed.tar tree && mkdir out && tar xf packed.tar -C out")
        .ok();
    assertSame(dir.resolve("out/tree"), true);
    shell.bash("tar df packed.tar").ok();
  }

  @Test
  void rsync() throws Exception {
    Shell.assumeInstalled("rsync");
    shell.bash("rsync -a " + tree + "/ copy/").ok();
    assertSame(dir.resolve("copy"), true);
    assertEquals(
        "", shell.bash("rsync -ai --omit-dir-times --no-perms " + tree + "/ copy/").ok().output());
    shell.bash("rsync -a --checksum copy/ " + local + "/back/").ok();
    assertSame(local.resolve("back"), true);
    Files.writeString(tree.resolve("file-256"), "changed");
    Files.delete(tree.resolve("a/file-0"));
    shell.bash("rsync -a --checksum --delete " + tree + "/ copy/").ok();
    assertSame(dir.resolve("copy"), true);
    shell.bash("rsync -a --inplace --whole-file " + tree + "/ other/").ok();
    assertSame(dir.resolve("other"), true);
  }

  @Test
  void git() throws Exception {
    Shell.assumeInstalled("git");
    String user = "-c user.name=Tester -c user.email=tester@example.org";
    new Shell(local)
        .bash(
            "cd tree && git init -q -b trunk && git add -A && git "
                + user
                + " commit -qm first && git gc -q")
        .ok();
    String setup = "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null; ";
    assertEquals(0, shell.bash(setup + "git clone -q file://" + tree + " clone").exitCode());
    // Commits on the mount would append to a committed log of references.
    String out =
        shell
            .bash(setup + "set -e; cd clone; git status --porcelain; git fsck --strict")
            .ok()
            .output();
    assertEquals("", out);
    // A clone of a local directory, with links where it can and copies where it cannot.
    shell.bash(setup + "git clone -q clone second && cd second && git fsck && git status -s").ok();
  }

  @Test
  void editors() throws Exception {
    file("text", "first line\n");
    // The way of emacs, gedit, vim with backupcopy=no and many others.
    shell
        .bash(
            "echo 'second line' | cat text - > .text.swp && cp -p text text~ && mv .text.swp text")
        .ok();
    assertContent("first line\nsecond line\n", dir.resolve("text"));
    assertContent("first line\n", dir.resolve("text~"));
    shell.bash("sed -i s/second/third/ text && perl -pi -e s/first/zeroth/ text").ok();
    assertContent("zeroth line\nthird line\n", dir.resolve("text"));
  }

  @Test
  void ed() throws Exception {
    Shell.assumeInstalled("ed");
    file("text", "first line\n");
    shell.bash("printf 'a\\nappended\\n.\\nw\\nq\\n' | ed -s text").ok();
    assertContent("first line\nappended\n", dir.resolve("text"));
  }

  @Test
  void vim() throws Exception {
    Shell.assumeInstalled("vim");
    file("text", "first line\n");
    // Below /tmp, where this test may be, it would make no backup and write into the old file.
    String save =
        "timeout 60 vim -es -N -u NONE -c 'set backupskip=' -c 's/first/second/' -c wq text";
    shell.bash(save).ok();
    assertContent("second line\n", dir.resolve("text"));
    assertEquals("", shell.bash("ls -A | grep -v '^text$' || true").ok().output());
  }

  @Test
  void python() throws Exception {
    shell
        .python(
            """
            import os, shutil, tempfile, json
            with open('w', 'w') as f:
              f.write('text')
            assert open('w').read() == 'text'
            with open('w', 'w') as f:
              f.write('other')
            assert open('w').read() == 'other'
            with open('x', 'x') as f:
              f.write('new')
            try:
              open('x', 'x')
              assert False
            except FileExistsError:
              pass
            with open('b', 'w+b') as f:
              f.write(b'0123456789' * 10000)
              f.seek(5)
              assert f.read(3) == b'567'
            f = open('forgotten', 'w'); f.write('closed by the collector'); del f
            assert open('forgotten').read() == 'closed by the collector'
            with tempfile.NamedTemporaryFile('w', dir='.', delete=False) as t:
              json.dump({'a': list(range(1000))}, t)
            os.replace(t.name, 'state.json')
            assert len(json.load(open('state.json'))['a']) == 1000
            with tempfile.TemporaryFile(dir='.') as t:
              t.write(b'x' * 100000); t.seek(0)
              assert len(t.read()) == 100000
            shutil.copytree('.', '../copy-of-' + os.path.basename(os.getcwd()))
            os.makedirs('d/e/f'); shutil.move('w', 'd/e/f'); shutil.rmtree('d')
            assert sorted(os.listdir('.')) == ['b', 'forgotten', 'state.json', 'x']
            """)
        .ok();
    new Shell(dir.getParent()).bash("rm -r copy-of-" + dir.getFileName()).ok();
  }

  @Test
  void sortAndOthersWithScratchFiles() throws Exception {
    shell
        .bash(
            "seq 1 60000 | shuf > in && TMPDIR=$PWD sort -n -S 100k in > out && seq 1 60000 | cmp -"
                + " out && split -n 4 out part. && cat part.* | cmp - out && gzip -k out && gunzip"
                + " -c out.gz | cmp - out && gzip -f out && gunzip -f out.gz && rm part.* && ls")
        .ok();
    assertEquals(List.of("in", "out"), Syscalls.names(dir));
  }

  @Test
  void zip() throws Exception {
    Shell.assumeInstalled("zip", "unzip");
    shell
        .bash("cp -r " + tree + " tree && zip -qry tree.zip tree && unzip -q tree.zip -d out")
        .ok();
    assertSame(dir.resolve("out/tree"), false);
  }

  @Test
  void javaFiles() throws Exception {
    Path path = dir.resolve("f");
    Files.writeString(path, "one");
    Files.writeString(path, "two");
    assertEquals("two", Files.readString(path));
    Files.copy(path, dir.resolve("g"));
    Files.move(dir.resolve("g"), path, StandardCopyOption.ATOMIC_MOVE);
    Files.createDirectories(dir.resolve("a/b/c"));
    try (var out = Files.newOutputStream(dir.resolve("a/b/c/f"))) {
      out.write(randomBytes(1_000_000, 1));
    }
    assertContent(randomBytes(1_000_000, 1), dir.resolve("a/b/c/f"));
    try (var paths = Files.walk(dir)) {
      assertEquals(6, paths.count());
    }
  }

  @Test
  void aCompiler() throws Exception {
    Shell.assumeInstalled("gcc");
    file("main.c", "#include \"part.h\"\nint main(void) { return part() - 42; }\n");
    file("part.h", "int part(void);\n");
    file("part.c", "#include \"part.h\"\nint part(void) { return 42; }\n");
    shell
        .bash(
            "gcc -c main.c part.c && ar rc libpart.a part.o && gcc -o program main.o -L. -lpart"
                + " && ./program")
        .ok();
  }

  @Test
  void findAndDu() throws Exception {
    shell.bash("cp -a " + tree + " tree").ok();
    assertEquals(
        new Shell(tree).bash("find . | sort").ok().output(),
        new Shell(dir.resolve("tree")).bash("find . | sort").ok().output());
    shell.bash("ls -lR tree > listing && du -s tree > usage && df . > free && rm -r tree").ok();
    assertEquals(List.of("free", "listing", "usage"), Syscalls.names(dir));
  }
}
