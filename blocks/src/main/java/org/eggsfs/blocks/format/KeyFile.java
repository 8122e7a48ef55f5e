package org.eggsfs.blocks.format;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.blocks.disk.DiskFiles;
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

  private KeyFile() {}

  /**
   * Reads the key, or formats a new disk with {@code freshKey}: all block directories and the key
   * are on disk when this returns.
   *
   * @throws DiskMisuseException if the file is damaged, or missing although blocks are there
   * @throws IOException if the disk fails
   */
  public static byte[] readOrCreate(DiskFiles files, Path directory, byte[] freshKey)
      throws IOException {
    Path file = directory.resolve(NAME);
    byte[] content;
    try {
      content = files.readFromMedium(file);
    } catch (NoSuchFileException e) {
      content = new byte[0];
    }
    if (content.length == 0) {
      create(files, directory, file, freshKey);
      return freshKey.clone();
    }
    if (content.length < KEY_SIZE + 4
        || ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getInt(KEY_SIZE)
            != Crc32c.sum(0, content, 0, KEY_SIZE)) {
      throw new DiskMisuseException(
          file + " is damaged; restore it from a copy, or decommission this block service");
    }
    return Arrays.copyOf(content, KEY_SIZE);
  }

  private static void create(DiskFiles files, Path directory, Path file, byte[] key)
      throws IOException {
    Path root = directory.resolve(BlockPaths.ROOT);
    if (holdsBlocks(files, root) || holdsStaged(files, directory)) {
      throw new DiskMisuseException(
          file
              + " is missing although "
              + directory
              + " holds blocks; restore the key, or move the blocks away to format the disk anew");
    }
    for (int i = 0; i < BlockFormat.SUB_DIRECTORIES; i++) {
      files.createDirectories(root.resolve(BlockFormat.subDirectory(i)));
    }
    files.syncDirectory(root);
    Path temporary = directory.resolve(BlockFormat.TEMPORARY_PREFIX + NAME);
    ByteBuffer content = ByteBuffer.allocate(KEY_SIZE + 4).order(ByteOrder.LITTLE_ENDIAN);
    content.put(key).putInt(Crc32c.sum(0, key, 0, KEY_SIZE)).flip();
    files.delete(temporary);
    try (DiskFiles.File out = files.create(temporary)) {
      while (content.hasRemaining()) {
        out.write(content);
      }
      out.force();
    }
    files.rename(temporary, file);
    files.syncDirectory(directory);
  }

  private static boolean holdsStaged(DiskFiles files, Path directory) throws IOException {
    List<String> names = new ArrayList<>();
    try {
      files.list(directory.resolve(StagedName.DIRECTORY), names::add);
    } catch (NoSuchFileException e) {
      return false;
    }
    return !names.isEmpty();
  }

  private static boolean holdsBlocks(DiskFiles files, Path root) throws IOException {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < BlockFormat.SUB_DIRECTORIES && names.isEmpty(); i++) {
      try {
        files.list(root.resolve(BlockFormat.subDirectory(i)), names::add);
      } catch (NoSuchFileException e) {
        continue;
      }
      names.removeIf(name -> name.startsWith(BlockFormat.TEMPORARY_PREFIX));
    }
    return !names.isEmpty();
  }
}
