package org.eggsfs.blocks.format;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.core.Crc32c;

/**
 * The identity of a disk (blocks.md section 3.1): {@code secret.key} holds 16 random bytes and
 * their CRC-32C, u32 little-endian. Losing it loses the disk, so it is created durably and never
 * replaced while blocks are there.
 */
public final class KeyFile {
  /** Name of the file. */
  public static final String NAME = "secret.key";

  private static final int KEY_SIZE = 16;
  private static final int SUB_DIRECTORIES = 256;

  private KeyFile() {}

  /**
   * Reads the key, or formats a new disk with {@code freshKey}: all block directories and the key
   * are on disk when this returns.
   *
   * @throws IOException if the file is damaged, or missing although blocks are there
   */
  public static byte[] readOrCreate(Path directory, byte[] freshKey) throws IOException {
    Path file = directory.resolve(NAME);
    byte[] content;
    try {
      content = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      content = new byte[0];
    }
    if (content.length == 0) {
      create(directory, file, freshKey);
      return freshKey.clone();
    }
    if (content.length < KEY_SIZE + 4
        || ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getInt(KEY_SIZE)
            != Crc32c.sum(0, content, 0, KEY_SIZE)) {
      throw new IOException(
          file + " is damaged; restore it from a copy, or decommission this block service");
    }
    return Arrays.copyOf(content, KEY_SIZE);
  }

  private static void create(Path directory, Path file, byte[] key) throws IOException {
    Path root = directory.resolve(BlockPaths.ROOT);
    if (holdsBlocks(root)) {
      throw new IOException(
          file
              + " is missing although "
              + root
              + " holds blocks; restore the key, or move the blocks away to format the disk anew");
    }
    Files.createDirectories(root);
    for (int i = 0; i < SUB_DIRECTORIES; i++) {
      Files.createDirectories(root.resolve(HexFormat.of().toHexDigits((byte) i)));
    }
    syncDirectory(root);
    Path temporary = directory.resolve(BlockFormat.TEMPORARY_PREFIX + NAME);
    ByteBuffer content = ByteBuffer.allocate(KEY_SIZE + 4).order(ByteOrder.LITTLE_ENDIAN);
    content.put(key).putInt(Crc32c.sum(0, key, 0, KEY_SIZE)).flip();
    Files.deleteIfExists(temporary);
    Files.createFile(
        temporary,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (FileChannel out = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
      while (content.hasRemaining()) {
        out.write(content);
      }
      out.force(true);
    }
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    syncDirectory(directory);
  }

  private static boolean holdsBlocks(Path root) throws IOException {
    if (!Files.isDirectory(root)) {
      return false;
    }
    try (Stream<Path> files = Files.walk(root, 2)) {
      return files.anyMatch(
          file ->
              Files.isRegularFile(file)
                  && !file.getFileName().toString().startsWith(BlockFormat.TEMPORARY_PREFIX));
    }
  }

  /** Makes the entries of a directory durable. */
  public static void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
