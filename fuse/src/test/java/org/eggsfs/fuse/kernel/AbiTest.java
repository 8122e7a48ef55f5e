package org.eggsfs.fuse.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Our numbers are the kernel header's, as the C compiler of this machine sees it. */
class AbiTest {
  private static final Path HEADER = Path.of("/usr/include/linux/fuse.h");

  @TempDir Path folder;

  private static Map<String, Long> expressions() {
    Map<String, Long> all = new LinkedHashMap<>();
    all.put("sizeof(struct fuse_in_header)", (long) Abi.IN_HEADER_SIZE);
    all.put("offsetof(struct fuse_in_header, len)", (long) Abi.IN_LEN);
    all.put("offsetof(struct fuse_in_header, opcode)", (long) Abi.IN_OPCODE);
    all.put("offsetof(struct fuse_in_header, unique)", (long) Abi.IN_UNIQUE);
    all.put("offsetof(struct fuse_in_header, nodeid)", (long) Abi.IN_NODEID);
    all.put("offsetof(struct fuse_in_header, uid)", (long) Abi.IN_UID);
    all.put("offsetof(struct fuse_in_header, gid)", (long) Abi.IN_GID);
    all.put("offsetof(struct fuse_in_header, pid)", (long) Abi.IN_PID);
    all.put("sizeof(struct fuse_out_header)", (long) Abi.OUT_HEADER_SIZE);
    all.put("offsetof(struct fuse_out_header, len)", (long) Abi.OUT_LEN);
    all.put("offsetof(struct fuse_out_header, error)", (long) Abi.OUT_ERROR);
    all.put("offsetof(struct fuse_out_header, unique)", (long) Abi.OUT_UNIQUE);
    all.put("sizeof(struct fuse_attr)", (long) Abi.ATTR_SIZE);
    all.put("offsetof(struct fuse_attr, size)", 8L);
    all.put("offsetof(struct fuse_attr, blocks)", 16L);
    all.put("offsetof(struct fuse_attr, atime)", 24L);
    all.put("offsetof(struct fuse_attr, mtime)", 32L);
    all.put("offsetof(struct fuse_attr, ctime)", 40L);
    all.put("offsetof(struct fuse_attr, atimensec)", 48L);
    all.put("offsetof(struct fuse_attr, mtimensec)", 52L);
    all.put("offsetof(struct fuse_attr, ctimensec)", 56L);
    all.put("offsetof(struct fuse_attr, mode)", 60L);
    all.put("offsetof(struct fuse_attr, nlink)", 64L);
    all.put("offsetof(struct fuse_attr, uid)", 68L);
    all.put("offsetof(struct fuse_attr, gid)", 72L);
    all.put("offsetof(struct fuse_attr, blksize)", 80L);
    all.put("sizeof(struct fuse_entry_out)", (long) Abi.ENTRY_OUT_SIZE);
    all.put("offsetof(struct fuse_entry_out, nodeid)", 0L);
    all.put("offsetof(struct fuse_entry_out, entry_valid)", 16L);
    all.put("offsetof(struct fuse_entry_out, attr_valid)", 24L);
    all.put("offsetof(struct fuse_entry_out, entry_valid_nsec)", 32L);
    all.put("offsetof(struct fuse_entry_out, attr_valid_nsec)", 36L);
    all.put("offsetof(struct fuse_entry_out, attr)", 40L);
    all.put("sizeof(struct fuse_attr_out)", (long) Abi.ATTR_OUT_SIZE);
    all.put("offsetof(struct fuse_attr_out, attr_valid_nsec)", 8L);
    all.put("offsetof(struct fuse_attr_out, attr)", 16L);
    all.put("sizeof(struct fuse_open_out)", (long) Abi.OPEN_OUT_SIZE);
    all.put("offsetof(struct fuse_open_out, open_flags)", 8L);
    all.put("sizeof(struct fuse_write_out)", (long) Abi.WRITE_OUT_SIZE);
    all.put("sizeof(struct fuse_statfs_out)", (long) Abi.STATFS_OUT_SIZE);
    all.put("offsetof(struct fuse_kstatfs, bsize)", 40L);
    all.put("offsetof(struct fuse_kstatfs, namelen)", 44L);
    all.put("offsetof(struct fuse_kstatfs, frsize)", 48L);
    all.put("sizeof(struct fuse_getxattr_out)", (long) Abi.GETXATTR_OUT_SIZE);
    all.put("sizeof(struct fuse_lseek_out)", (long) Abi.LSEEK_OUT_SIZE);
    all.put("sizeof(struct fuse_init_out)", (long) Abi.INIT_OUT_SIZE);
    all.put("offsetof(struct fuse_init_out, max_readahead)", 8L);
    all.put("offsetof(struct fuse_init_out, flags)", 12L);
    all.put("offsetof(struct fuse_init_out, max_background)", 16L);
    all.put("offsetof(struct fuse_init_out, congestion_threshold)", 18L);
    all.put("offsetof(struct fuse_init_out, max_write)", 20L);
    all.put("offsetof(struct fuse_init_out, time_gran)", 24L);
    all.put("offsetof(struct fuse_init_out, max_pages)", 28L);
    all.put("offsetof(struct fuse_init_out, flags2)", 32L);
    all.put("offsetof(struct fuse_init_in, flags2)", (long) Abi.INIT_IN_FLAGS2);
    all.put("FUSE_NAME_OFFSET", (long) Abi.DIRENT_HEADER_SIZE);
    all.put("FUSE_NAME_OFFSET_DIRENTPLUS", (long) Abi.DIRENTPLUS_HEADER_SIZE);
    all.put("offsetof(struct fuse_dirent, off)", 8L);
    all.put("offsetof(struct fuse_dirent, namelen)", 16L);
    all.put("offsetof(struct fuse_dirent, type)", 20L);
    all.put("sizeof(struct fuse_getattr_in)", (long) Abi.GETATTR_IN_SIZE);
    all.put("offsetof(struct fuse_getattr_in, fh)", 8L);
    all.put("sizeof(struct fuse_setattr_in)", (long) Abi.SETATTR_IN_SIZE);
    all.put("offsetof(struct fuse_setattr_in, fh)", 8L);
    all.put("offsetof(struct fuse_setattr_in, size)", 16L);
    all.put("offsetof(struct fuse_setattr_in, atime)", 32L);
    all.put("offsetof(struct fuse_setattr_in, mtime)", 40L);
    all.put("offsetof(struct fuse_setattr_in, atimensec)", 56L);
    all.put("offsetof(struct fuse_setattr_in, mtimensec)", 60L);
    all.put("offsetof(struct fuse_setattr_in, mode)", 68L);
    all.put("offsetof(struct fuse_setattr_in, uid)", 76L);
    all.put("offsetof(struct fuse_setattr_in, gid)", 80L);
    all.put("sizeof(struct fuse_mknod_in)", (long) Abi.MKNOD_IN_SIZE);
    all.put("sizeof(struct fuse_mkdir_in)", (long) Abi.MKDIR_IN_SIZE);
    all.put("sizeof(struct fuse_rename_in)", (long) Abi.RENAME_IN_SIZE);
    all.put("sizeof(struct fuse_rename2_in)", (long) Abi.RENAME2_IN_SIZE);
    all.put("offsetof(struct fuse_rename2_in, flags)", 8L);
    all.put("sizeof(struct fuse_link_in)", (long) Abi.LINK_IN_SIZE);
    all.put("sizeof(struct fuse_open_in)", (long) Abi.OPEN_IN_SIZE);
    all.put("sizeof(struct fuse_create_in)", (long) Abi.CREATE_IN_SIZE);
    all.put("offsetof(struct fuse_create_in, mode)", 4L);
    all.put("sizeof(struct fuse_read_in)", (long) Abi.READ_IN_SIZE);
    all.put("offsetof(struct fuse_read_in, offset)", 8L);
    all.put("offsetof(struct fuse_read_in, size)", 16L);
    all.put("sizeof(struct fuse_write_in)", (long) Abi.WRITE_IN_SIZE);
    all.put("offsetof(struct fuse_write_in, write_flags)", 20L);
    all.put("sizeof(struct fuse_release_in)", (long) Abi.RELEASE_IN_SIZE);
    all.put("sizeof(struct fuse_flush_in)", (long) Abi.FLUSH_IN_SIZE);
    all.put("sizeof(struct fuse_fsync_in)", (long) Abi.FSYNC_IN_SIZE);
    all.put("sizeof(struct fuse_getxattr_in)", (long) Abi.GETXATTR_IN_SIZE);
    all.put("sizeof(struct fuse_access_in)", (long) Abi.ACCESS_IN_SIZE);
    all.put("sizeof(struct fuse_interrupt_in)", (long) Abi.INTERRUPT_IN_SIZE);
    all.put("sizeof(struct fuse_forget_in)", (long) Abi.FORGET_IN_SIZE);
    all.put("sizeof(struct fuse_batch_forget_in)", (long) Abi.BATCH_FORGET_IN_SIZE);
    all.put("sizeof(struct fuse_forget_one)", (long) Abi.FORGET_ONE_SIZE);
    all.put("sizeof(struct fuse_fallocate_in)", (long) Abi.FALLOCATE_IN_SIZE);
    all.put("offsetof(struct fuse_fallocate_in, mode)", 24L);
    all.put("sizeof(struct fuse_lseek_in)", (long) Abi.LSEEK_IN_SIZE);
    all.put("offsetof(struct fuse_lseek_in, whence)", 16L);
    all.put("sizeof(struct fuse_notify_inval_inode_out)", 24L);
    all.put("sizeof(struct fuse_notify_inval_entry_out)", 16L);
    all.put("(long) FUSE_NOTIFY_INVAL_INODE", (long) Abi.NOTIFY_INVAL_INODE);
    all.put("(long) FUSE_NOTIFY_INVAL_ENTRY", (long) Abi.NOTIFY_INVAL_ENTRY);
    all.put("(long) FUSE_DEV_IOC_CLONE", Abi.DEV_IOC_CLONE);
    all.put("(long) FUSE_LOOKUP", (long) Abi.LOOKUP);
    all.put("(long) FUSE_SETATTR", (long) Abi.SETATTR);
    all.put("(long) FUSE_TMPFILE", (long) Abi.TMPFILE);
    all.put("(long) FUSE_SYNCFS", (long) Abi.SYNCFS);
    all.put("(long) FUSE_LSEEK", (long) Abi.LSEEK);
    all.put("(long) FUSE_RENAME2", (long) Abi.RENAME2);
    all.put("(long) FUSE_READDIRPLUS", (long) Abi.READDIRPLUS);
    all.put("(long) FUSE_FALLOCATE", (long) Abi.FALLOCATE);
    all.put("(long) FUSE_BATCH_FORGET", (long) Abi.BATCH_FORGET);
    all.put("(long) FUSE_INTERRUPT", (long) Abi.INTERRUPT);
    all.put("(long) FUSE_CREATE", (long) Abi.CREATE);
    all.put("(long) FUSE_ACCESS", (long) Abi.ACCESS);
    all.put("(long) FOPEN_NOFLUSH", (long) Abi.FOPEN_NOFLUSH);
    all.put("(long) FOPEN_CACHE_DIR", (long) Abi.FOPEN_CACHE_DIR);
    all.put("(long) FUSE_PARALLEL_DIROPS", Abi.INIT_PARALLEL_DIROPS);
    all.put("(long) FUSE_MAX_PAGES", Abi.INIT_MAX_PAGES);
    all.put("(long) FUSE_CACHE_SYMLINKS", Abi.INIT_CACHE_SYMLINKS);
    all.put("(long) FUSE_EXPLICIT_INVAL_DATA", Abi.INIT_EXPLICIT_INVAL_DATA);
    all.put("(long) FUSE_HANDLE_KILLPRIV_V2", Abi.INIT_HANDLE_KILLPRIV_V2);
    all.put("(long) FUSE_INIT_EXT", Abi.INIT_INIT_EXT);
    all.put("(long) FUSE_ATOMIC_O_TRUNC", Abi.INIT_ATOMIC_O_TRUNC);
    all.put("(long) FUSE_READDIRPLUS_AUTO", Abi.INIT_READDIRPLUS_AUTO);
    return all;
  }

  @Test
  void layoutsAreThoseOfTheHeader() throws IOException, InterruptedException {
    assumeTrue(Files.exists(HEADER), "linux/fuse.h is not installed");
    assumeTrue(minor() >= 38, "linux/fuse.h is older than what we compare with");
    StringBuilder program = new StringBuilder();
    program.append("#include <stddef.h>\n#include <stdio.h>\n#include <sys/ioctl.h>\n");
    program.append("#include <linux/fuse.h>\nint main(void) {\n");
    for (String expression : expressions().keySet()) {
      program.append("printf(\"%ld\\n\", (long) (").append(expression).append("));\n");
    }
    program.append("return 0; }\n");
    Files.writeString(folder.resolve("abi.c"), program);
    Process compiler;
    try {
      compiler = run("cc", "-o", "abi", "abi.c");
    } catch (IOException e) {
      assumeTrue(false, "there is no C compiler");
      return;
    }
    String errors = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, compiler.waitFor(), errors);
    Process printer = run(folder.resolve("abi").toString());
    String[] printed =
        new String(printer.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\n", -1);
    int line = 0;
    for (Map.Entry<String, Long> expected : expressions().entrySet()) {
      assertEquals(
          expected.getValue().longValue(), Long.parseLong(printed[line++]), expected.getKey());
    }
  }

  private static int minor() throws IOException {
    for (String line : Files.readAllLines(HEADER)) {
      if (line.startsWith("#define FUSE_KERNEL_MINOR_VERSION")) {
        return Integer.parseInt(line.substring(line.lastIndexOf(' ') + 1));
      }
    }
    return 0;
  }

  private Process run(String... command) throws IOException {
    return new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
  }
}
