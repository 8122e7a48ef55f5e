package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: a call goes on where the one before was, and a job that is done leaves nothing behind. */
class JobCursorsTest {
  @TempDir private Path folder;

  private JobCursors open() throws CommandFailure {
    return JobCursors.open(folder.resolve("cursor"), "collect", "collect_directories");
  }

  @Test
  void whatTheJobMovesItselfIsSaved() throws CommandFailure {
    try (JobCursors cursors = open()) {
      cursors.cursors().of("collect_directories").set(3, 77);
    }
    try (JobCursors cursors = open()) {
      assertEquals(77, cursors.cursors().of("collect_directories").get(3));
      assertEquals(List.of(2, 3), cursors.remaining(List.of(2, 3)));
      cursors.done(2);
    }
    try (JobCursors cursors = open()) {
      assertEquals(List.of(3), cursors.remaining(List.of(2, 3)));
    }
  }

  @Test
  void afterTheEndNothingIsSavedAnyMore() throws CommandFailure {
    try (JobCursors cursors = open()) {
      cursors.passed(3, 77);
    }
    try (JobCursors cursors = open()) {
      assertEquals(77, cursors.position(3));
      cursors.done(3);
      cursors.finish();
      // Whoever still runs.
      cursors.passed(4, 5);
    }
    assertFalse(Files.exists(folder.resolve("cursor")));
  }
}
