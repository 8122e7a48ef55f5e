package org.eggsfs.run.faults;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Something that keeps data in a directory, whose files fail. It keeps account of what it was told,
 * and throws an AssertionError when something is not as it was told; a refusal is an IOException or
 * a {@code StoreException}.
 */
interface Subject extends AutoCloseable {
  /** Where the next life has its files. */
  Path nextHome(Path parent, int life) throws IOException;

  /** Opens, works, closes. Called several times a life, and files may fail. */
  void work(Path home) throws IOException, InterruptedException;

  /** Everything works again: all that was acknowledged is there, and work goes on. */
  void settle(Path home) throws IOException, InterruptedException;

  @Override
  default void close() throws IOException {}
}
