package org.eggsfs.client;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;

/**
 * Whether a server knows messages of our own (docs/protocol.md). One that does not drops them,
 * which looks like a packet lost or a server that is down. So it is found out before it matters,
 * once for a server, with questions that change nothing: silence counts only if the server answers
 * something that every server knows, and is then silent again.
 *
 * <p>What was found missing is looked for again now and then, in the background: servers get newer.
 * Thread-safe.
 */
public final class KindSupport {
  /** How long a server is taken not to know the messages. */
  private static final long LACKING_NANOS = TimeUnit.MINUTES.toNanos(10);

  /** How the server is asked. */
  public interface Server {
    /**
     * Asks for something new in a form that is refused at once.
     *
     * @throws EggsException TIMEOUT soon if nothing is heard; any other error is an answer
     */
    void ask() throws EggsException, IOException;

    /**
     * Asks for something old that changes nothing.
     *
     * @throws EggsException TIMEOUT if the server cannot be reached; any other error is an answer
     */
    void greet() throws EggsException, IOException;
  }

  /** Runs what nobody waits for. */
  public interface Background {
    /** Starts it and returns. */
    void run(Runnable work);
  }

  private enum Verdict {
    OPEN,
    KNOWN,
    LACKING
  }

  private final Server server;
  private final Background background;
  private final long lackingNanos;
  private final ReentrantLock asking = new ReentrantLock();
  private volatile Verdict verdict = Verdict.OPEN;

  /** When the verdict was LACKING last; in nanoTime. */
  private volatile long lackingSinceNanos;

  /** Asks only when it is needed. */
  public KindSupport(Server server, Background background) {
    this(server, background, LACKING_NANOS);
  }

  /** With another time until it is looked again. */
  KindSupport(Server server, Background background, long lackingNanos) {
    this.server = server;
    this.background = background;
    this.lackingNanos = lackingNanos;
  }

  /**
   * Whether the server knows them; the first callers wait for the answer.
   *
   * @throws EggsException TIMEOUT if the server cannot be reached
   */
  public boolean isKnown() throws EggsException, IOException {
    switch (verdict) {
      case KNOWN -> {
        return true;
      }
      case LACKING -> {
        if (System.nanoTime() - lackingSinceNanos > lackingNanos) {
          lackingSinceNanos = System.nanoTime();
          background.run(this::lookAgain);
        }
        return false;
      }
      case OPEN -> {
        // Below.
      }
    }
    lock();
    try {
      if (verdict == Verdict.OPEN) {
        verdict = findOut();
      }
      return verdict == Verdict.KNOWN;
    } finally {
      asking.unlock();
    }
  }

  /** The same without waiting: false as long as it is not known, which is being found out then. */
  boolean isKnownYet() throws EggsException, IOException {
    if (verdict != Verdict.OPEN) {
      return isKnown();
    }
    if (!asking.isLocked()) {
      background.run(this::lookOnce);
    }
    return false;
  }

  private void lookOnce() {
    try {
      isKnown();
    } catch (EggsException | IOException e) {
      // It stays open: the next who would like to know asks again.
    }
  }

  /** A request was not answered though the kind was known: another server may be there now. */
  void doubt() {
    verdict = Verdict.OPEN;
  }

  private void lock() throws InterruptedIOException {
    try {
      asking.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while a server is asked what it knows");
    }
  }

  private void lookAgain() {
    try {
      verdict = findOut();
    } catch (EggsException | IOException e) {
      // The next look is as good.
      lackingSinceNanos = System.nanoTime();
    }
  }

  private Verdict findOut() throws EggsException, IOException {
    if (!isAnswered(server::ask)) {
      greet();
      // It may have come back only now.
      if (!isAnswered(server::ask)) {
        lackingSinceNanos = System.nanoTime();
        return Verdict.LACKING;
      }
    }
    return Verdict.KNOWN;
  }

  private void greet() throws EggsException, IOException {
    try {
      server.greet();
    } catch (EggsException e) {
      if (e.code() == ErrorCode.TIMEOUT) {
        throw e;
      }
    }
  }

  private interface Question {
    void put() throws EggsException, IOException;
  }

  private static boolean isAnswered(Question question) throws IOException {
    try {
      question.put();
      return true;
    } catch (EggsException e) {
      return e.code() != ErrorCode.TIMEOUT;
    }
  }
}
