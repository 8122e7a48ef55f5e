package org.eggsfs.cli;

import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * One line on a terminal that tells how far a long command is: done, rate and expected end. Where
 * standard error is no terminal it prints nothing at all.
 *
 * <p>Any thread may add; a daemon thread draws.
 */
public final class ProgressLine implements AutoCloseable {
  private static final long REDRAW_MILLIS = 250;
  private static final long WIDTH = 78;

  private final PrintStream out;
  private final boolean shown;
  private final AtomicLong bytesDone = new AtomicLong();
  private final AtomicLong itemsDone = new AtomicLong();
  private final String item;
  private final long startNanos = System.nanoTime();
  private volatile long bytesTotal;
  private volatile Supplier<String> words;
  private final Thread drawer;

  private ProgressLine(PrintStream out, boolean shown, String item) {
    this.out = out;
    this.shown = shown;
    this.item = item;
    this.drawer = new Thread(this::draw, "progress");
    drawer.setDaemon(true);
  }

  /** Starts a line that counts items called {@code item} and bytes. */
  public static ProgressLine start(String item) {
    boolean terminal = Terminal.isError();
    ProgressLine line = new ProgressLine(System.err, terminal, item);
    if (terminal) {
      line.drawer.start();
    }
    return line;
  }

  /** Starts a line that says whatever {@code words} says. */
  public static ProgressLine start(Supplier<String> words) {
    ProgressLine line = start("");
    line.words = words;
    return line;
  }

  /** Tells how many bytes there will be, which makes an expected end possible. */
  public void total(long bytes) {
    bytesTotal = bytes;
  }

  /** Adds bytes done. */
  public void addBytes(long bytes) {
    bytesDone.addAndGet(bytes);
  }

  /** Adds one item done. */
  public void addItem() {
    itemsDone.incrementAndGet();
  }

  /** Prints a line of its own without disturbing the progress line. */
  public synchronized void println(PrintStream stream, String line) {
    if (shown) {
      erase();
    }
    stream.println(line);
  }

  private void draw() {
    try {
      while (true) {
        Thread.sleep(REDRAW_MILLIS);
        synchronized (this) {
          out.print("\r" + text());
          out.flush();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private String text() {
    Supplier<String> given = words;
    if (given != null) {
      StringBuilder line = new StringBuilder(given.get());
      line.setLength((int) Math.min(WIDTH, line.length()));
      return line.repeat(' ', (int) (WIDTH - line.length())).toString();
    }
    long bytes = bytesDone.get();
    double seconds = Math.max(1e-3, (System.nanoTime() - startNanos) / 1e9);
    double rate = bytes / seconds;
    StringBuilder line = new StringBuilder();
    line.append(itemsDone.get()).append(' ').append(item).append(", ").append(Units.bytes(bytes));
    long total = bytesTotal;
    if (total > 0) {
      line.append(" of ").append(Units.bytes(total));
      line.append(String.format(Locale.ROOT, " (%d%%)", Math.min(100, bytes * 100 / total)));
    }
    line.append(", ").append(Units.bytes((long) rate)).append("/s");
    if (total > bytes && rate > 1) {
      line.append(", ").append(Units.seconds((long) ((total - bytes) / rate))).append(" left");
    }
    line.repeat(' ', (int) Math.max(0, WIDTH - line.length()));
    return line.toString();
  }

  private void erase() {
    StringBuilder blank = new StringBuilder("\r");
    blank.repeat(' ', (int) WIDTH).append('\r');
    out.print(blank);
    out.flush();
  }

  @Override
  public void close() {
    if (shown) {
      drawer.interrupt();
      synchronized (this) {
        erase();
      }
    }
  }
}
