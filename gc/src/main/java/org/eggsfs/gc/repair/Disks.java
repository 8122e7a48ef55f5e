package org.eggsfs.gc.repair;

import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;

/**
 * All block services with failure domain and flags (gc.md section 1), asked of the shuckle when the
 * last answer is old. What shards list with spans carries no failure domain, and its flags are a
 * refresh older. Thread-safe; while the shuckle is silent the last answer stays in use.
 */
public final class Disks {
  private static final long AGE_NANOS_MAX = TimeUnit.SECONDS.toNanos(15);

  /** An id that is not in the list is asked for at most this often. */
  private static final long UNKNOWN_AGE_NANOS_MIN = TimeUnit.SECONDS.toNanos(1);

  private static final System.Logger LOG = System.getLogger(Disks.class.getName());

  /** Asks the shuckle. */
  public interface Source {
    /** The full list of block services. */
    AllBlockServicesDeprecatedResponse list(AllBlockServicesDeprecatedRequest request)
        throws EggsException, IOException;
  }

  private final Source source;
  private final ReentrantLock asking = new ReentrantLock();
  private volatile Map<Long, Disk> disks;
  private volatile long askedNanos;

  /** Nothing is asked yet. */
  public Disks(Source source) {
    this.source = source;
  }

  /**
   * The block service with that id.
   *
   * @throws EggsException BLOCK_SERVICE_NOT_FOUND if the shuckle does not know it
   */
  public Disk get(long id) throws EggsException, IOException {
    Disk disk = current(AGE_NANOS_MAX).get(id);
    if (disk == null) {
      disk = current(UNKNOWN_AGE_NANOS_MIN).get(id);
    }
    if (disk == null) {
      throw new EggsException(
          ErrorCode.BLOCK_SERVICE_NOT_FOUND, "block service " + Long.toHexString(id));
    }
    return disk;
  }

  /** All block services, as they were told lately. */
  Collection<Disk> known() throws EggsException, IOException {
    return current(AGE_NANOS_MAX).values();
  }

  /** All block services, asked for now. */
  public Collection<Disk> refresh() throws EggsException, IOException {
    asking.lock();
    try {
      ask();
      return disks.values();
    } finally {
      asking.unlock();
    }
  }

  private Map<Long, Disk> current(long ageNanosMax) throws EggsException, IOException {
    Map<Long, Disk> present = disks;
    if (present != null && System.nanoTime() - askedNanos < ageNanosMax) {
      return present;
    }
    asking.lock();
    try {
      if (disks != null && System.nanoTime() - askedNanos < ageNanosMax) {
        return disks;
      }
      try {
        ask();
      } catch (EggsException | IOException e) {
        if (disks == null || Thread.currentThread().isInterrupted()) {
          throw e;
        }
        LOG.log(System.Logger.Level.WARNING, "the shuckle does not list the block services", e);
        askedNanos = System.nanoTime();
      }
      return disks;
    } finally {
      asking.unlock();
    }
  }

  private void ask() throws EggsException, IOException {
    AllBlockServicesDeprecatedResponse answer =
        source.list(new AllBlockServicesDeprecatedRequest());
    Map<Long, Disk> fresh = HashMap.newHashMap(answer.blockServices().size());
    for (BlockServiceDeprecatedInfo info : answer.blockServices()) {
      fresh.put(
          info.id(),
          new Disk(
              info.id(),
              info.failureDomain(),
              info.storageClass(),
              info.addrs(),
              info.flags(),
              info.flagsLastChanged()));
    }
    disks = Map.copyOf(fresh);
    askedNanos = System.nanoTime();
  }
}
