package org.eggsfs.blocks.disk;

import java.io.IOException;
import java.nio.file.Path;
import org.eggsfs.blocks.disk.HostileFiles.Call;
import org.eggsfs.core.BlockPaths;

/**
 * Lets the n-th call fail, in one of several ways. A loop over n = 1, 2, 3 … until {@link #wasMet}
 * says no meets every call that a piece of work makes. Thread-safe.
 *
 * <p>Formatting, opening and counting do the same with each of 256 directories; of these calls only
 * those for the first and the last directory are counted.
 */
public final class NthFault implements HostileFiles.Trap {
  /** What happens at the n-th call. */
  public enum Kind {
    /** It fails with EIO. */
    EIO_ONCE(0),
    /** It and all later ones fail with EIO. */
    EIO_FOR_GOOD(1),
    /** It needs space, and there is none. */
    FULL_ONCE(2),
    /** The same, and there is none any more. */
    FULL_FOR_GOOD(3),
    /** It is a write that takes a part only; the rest finds no space. */
    SHORT_WRITE(4),
    /** It and all later ones do nothing: the power fails. */
    DEATH(5);

    private final int number;

    Kind(int number) {
      this.number = number;
    }

    /** From 0, so that loops that leave calls out can begin at different ones. */
    public int number() {
      return number;
    }

    /** Whether work may succeed again after the fault. */
    public boolean isOnce() {
      return this == EIO_ONCE || this == FULL_ONCE || this == SHORT_WRITE;
    }
  }

  private static final int EIO = 5;
  private static final int ENOSPC = 28;

  private final Kind kind;
  private final int number;

  // Guarded by this.
  private int calls;
  private boolean isDisarmed;
  private boolean wasMet;
  private boolean isFullNow;
  private String where = "";

  /** Lets call {@code number}, from 1, fail. */
  public NthFault(Kind kind, int number) {
    this.kind = kind;
    this.number = number;
  }

  /** Whether there was a call with that number. */
  public synchronized boolean wasMet() {
    return wasMet;
  }

  /** In which way calls fail. */
  public Kind kind() {
    return kind;
  }

  /** The call that failed first. */
  public synchronized String where() {
    return where;
  }

  /** From now on all goes well, whatever was met. */
  public synchronized void disarm() {
    isDisarmed = true;
  }

  @Override
  public synchronized void before(Call call, Path path) throws IOException {
    if (isDisarmed) {
      return;
    }
    if (isFullNow && call == Call.WRITE) {
      isFullNow = false;
      throw HostileFiles.error(ENOSPC);
    }
    if (wasMet) {
      if (!kind.isOnce() && concerns(call)) {
        fail();
      }
      return;
    }
    if (!concerns(call) || isOneOfMany(call, path) || ++calls < number) {
      return;
    }
    wasMet = true;
    where = call + " " + path;
    if (kind != Kind.SHORT_WRITE) {
      fail();
    }
    isFullNow = true;
  }

  @Override
  public synchronized int taken(Path path, int bytes) {
    return isFullNow && !isDisarmed ? (bytes + 1) / 2 : bytes;
  }

  private boolean concerns(Call call) {
    return switch (kind) {
      case EIO_ONCE, EIO_FOR_GOOD, DEATH -> true;
      case FULL_ONCE, FULL_FOR_GOOD -> call.isChange() && call != Call.DELETE;
      case SHORT_WRITE -> call == Call.WRITE;
    };
  }

  private void fail() throws IOException {
    throw HostileFiles.error(kind == Kind.FULL_ONCE || kind == Kind.FULL_FOR_GOOD ? ENOSPC : EIO);
  }

  private static boolean isOneOfMany(Call call, Path path) {
    if (call != Call.LIST && call != Call.MAKE_DIRECTORY) {
      return false;
    }
    Path parent = path.getParent();
    String name = path.getFileName().toString();
    return parent != null
        && parent.endsWith(BlockPaths.ROOT)
        && !name.equals("00")
        && !name.equals("ff");
  }
}
