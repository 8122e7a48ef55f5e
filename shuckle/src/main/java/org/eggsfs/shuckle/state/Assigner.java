package org.eggsfs.shuckle.state;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;

/**
 * Chooses for each shard the block services it may write to (shuckle.md section 7): per location
 * and storage class up to 28 services in different failure domains, so that every service is held
 * by a number of shards that is about proportional to its free space. A service counts as one, two
 * or four times, a half or a quarter of the mean, so that disks fill up together, none is hit by
 * all writes, and small changes of the free space move nothing. Shares are dealt out by highest
 * averages (D'Hondt): the next place goes to the service with the greatest weight per place it
 * would have.
 *
 * <p>What a shard has it keeps as long as it stays writable, because files keep their block
 * services only while these stay assigned; gaps are filled with the least used services, and then
 * entries move, one by one, only from services that are used too much. With fewer domains than the
 * widest span needs, everything there is is handed out, so that small clusters work.
 */
public final class Assigner {
  /** Domains that the widest default span needs; with fewer, such spans cannot be written. */
  public static final int DOMAINS_WANTED = 14;

  /** A location and storage class. */
  public record Pool(int locationId, int storageClass) implements Comparable<Pool> {
    @Override
    public int compareTo(Pool other) {
      return Comparator.comparingInt(Pool::locationId)
          .thenComparingInt(Pool::storageClass)
          .compare(this, other);
    }
  }

  /**
   * What was found.
   *
   * @param assignment for all shards
   * @param domains writable failure domains of each pool
   */
  public record Outcome(Assignment assignment, Map<Pool, Integer> domains) {}

  private static final int SHARDS = ProtocolConstants.SHARD_COUNT;

  private static final List<Integer> ALL_SHARDS = IntStream.range(0, SHARDS).boxed().toList();

  private static final int MEAN_WEIGHT = 4;
  private static final int WEIGHT_STEPS_MAX = 2;

  private Assigner() {}

  /**
   * Computes an assignment.
   *
   * @param rows all block services; those not writable are left out
   * @param previous what to stay close to
   * @param unchangedSince only services that have not changed after this time are used
   * @param perShardMax services of one pool that a shard gets at most
   * @param seed decides between equals, and which shards are served first
   */
  public static Outcome compute(
      Collection<FullBlockServiceInfo> rows,
      Assignment previous,
      long unchangedSince,
      int perShardMax,
      long seed) {
    Map<Pool, Map<FailureDomain, Domain>> pools = new TreeMap<>();
    Map<Pool, Map<Long, Service>> byId = new HashMap<>();
    for (FullBlockServiceInfo row : rows) {
      if (isCandidate(row, unchangedSince)) {
        Pool pool = new Pool(row.locationId(), row.storageClass());
        Map<FailureDomain, Domain> domains = pools.computeIfAbsent(pool, p -> new HashMap<>());
        Domain domain =
            domains.computeIfAbsent(
                row.failureDomain(),
                name -> new Domain(domains.size(), mix(seed + domains.size())));
        Service service = new Service(row.id(), row.availableBytes(), domain);
        domain.services.add(service);
        byId.computeIfAbsent(pool, p -> new HashMap<>()).put(row.id(), service);
      }
    }

    byId.values().forEach(services -> weigh(services.values()));

    List<List<Long>> result = new ArrayList<>();
    for (int shard = 0; shard < SHARDS; shard++) {
      result.add(new ArrayList<>());
    }
    Map<Pool, Integer> domainCounts = new TreeMap<>();
    pools.forEach(
        (pool, domains) -> {
          List<Domain> list = List.copyOf(domains.values());
          domainCounts.put(pool, list.size());
          new Hand(list, Math.min(perShardMax, list.size()), seed)
              .deal(byId.get(pool), previous, result);
        });
    long[][] services = new long[SHARDS][];
    for (int shard = 0; shard < SHARDS; shard++) {
      services[shard] = result.get(shard).stream().mapToLong(Long::longValue).toArray();
    }
    return new Outcome(new Assignment(services), domainCounts);
  }

  /** Sets the weights: powers of two around {@link #MEAN_WEIGHT}. */
  private static void weigh(Collection<Service> services) {
    double total = 0;
    for (Service service : services) {
      total += unsigned(service.available);
    }
    for (Service service : services) {
      double share = unsigned(service.available) * services.size() / total;
      long steps = Math.round(Math.log(share) / Math.log(2));
      int limited = Math.clamp(steps, -WEIGHT_STEPS_MAX, WEIGHT_STEPS_MAX);
      service.weight = limited < 0 ? MEAN_WEIGHT >> -limited : MEAN_WEIGHT << limited;
    }
  }

  private static double unsigned(long value) {
    return value < 0 ? 0x1p64 + value : value;
  }

  /** The ids of the services that {@link #compute} would use. */
  public static long[] candidates(Collection<FullBlockServiceInfo> rows, long unchangedSince) {
    return rows.stream()
        .filter(row -> isCandidate(row, unchangedSince))
        .mapToLong(FullBlockServiceInfo::id)
        .toArray();
  }

  private static boolean isCandidate(FullBlockServiceInfo row, long unchangedSince) {
    return BlockServices.isCandidate(row)
        && Long.compareUnsigned(row.lastInfoChange(), unchangedSince) <= 0;
  }

  /** Spreads the bits of a number (the finaliser of SplitMix64). */
  private static long mix(long z) {
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return z ^ z >>> 31;
  }

  private static final class Service {
    final long id;
    final long available;
    final Domain domain;

    /** Its share, relative to the others'. */
    int weight;

    /** How many shards hold it. */
    int load;

    Service(long id, long available, Domain domain) {
      this.id = id;
      this.available = available;
      this.domain = domain;
    }

    /**
     * Negative if this one should get the next place rather than the other: whose weight per place
     * would be greater.
     */
    int compareForNext(Service other) {
      return Long.compare((long) other.weight * (load + 1), (long) weight * (other.load + 1));
    }

    /** Negative if this one should give a place away rather than the other. */
    int compareForLast(Service other) {
      return Long.compare((long) weight * other.load, (long) other.weight * load);
    }

    /** Whether a place is better used by the other. */
    boolean shouldGiveTo(Service other) {
      return (long) other.weight * load > (long) weight * (other.load + 1);
    }
  }

  private static final class Domain {
    final int index;
    final long tie;
    final List<Service> services = new ArrayList<>();

    /** The next service to hand out: the least held for its weight, then the emptiest. */
    Service next;

    /** Shards that were given a service here in this computation. */
    final List<Integer> newHolders = new ArrayList<>();

    Domain(int index, long tie) {
      this.index = index;
      this.tie = tie;
    }

    /** Shards in an order that is this domain's own. */
    List<Integer> shuffled(Collection<Integer> shards) {
      return shards.stream().sorted(Comparator.comparingLong(shard -> mix(tie + shard))).toList();
    }

    void chooseNext() {
      next = services.getFirst();
      for (Service service : services) {
        if (isBetter(service, next)) {
          next = service;
        }
      }
    }

    Service mostHeld() {
      Service most = services.getFirst();
      for (Service service : services) {
        if (service.compareForLast(most) < 0) {
          most = service;
        }
      }
      return most;
    }

    private static boolean isBetter(Service a, Service b) {
      int byShare = a.compareForNext(b);
      return byShare != 0 ? byShare < 0 : Long.compareUnsigned(a.available, b.available) > 0;
    }
  }

  /** One pool being dealt out. */
  private static final class Hand {
    private static final Comparator<Domain> BEST_FIRST =
        (a, b) -> {
          int byShare = a.next.compareForNext(b.next);
          if (byShare != 0) {
            return byShare;
          }
          int byAvailable = Long.compareUnsigned(b.next.available, a.next.available);
          return byAvailable != 0 ? byAvailable : Long.compareUnsigned(a.tie, b.tie);
        };

    /** How many of the most and of the least used domains are looked at for a move. */
    private static final int DOMAINS_TRIED = 8;

    private final List<Domain> domains;
    private final int perShard;

    /**
     * The shards in the order in which they are served. Directories get consecutive shards, so a
     * job that makes the same few directories again and again writes to every second or fourth
     * shard: dealt out in the order of their numbers, these would hold the same services.
     */
    private final List<Integer> order;

    private final List<List<Service>> held = new ArrayList<>();
    private final List<BitSet> used = new ArrayList<>();

    Hand(List<Domain> domains, int perShard, long seed) {
      this.domains = domains;
      this.perShard = perShard;
      long start = mix(seed);
      this.order =
          ALL_SHARDS.stream()
              .sorted(Comparator.comparingLong(shard -> mix(start + shard)))
              .toList();
      for (int shard = 0; shard < SHARDS; shard++) {
        held.add(new ArrayList<>());
        used.add(new BitSet());
      }
    }

    void deal(Map<Long, Service> byId, Assignment previous, List<List<Long>> result) {
      keep(byId, previous);
      domains.forEach(Domain::chooseNext);
      fill();
      for (Domain domain : domains) {
        shuffleNewHolders(domain);
        level(domain);
      }
      if (perShard < domains.size()) {
        levelAcrossDomains();
      }
      for (int shard = 0; shard < SHARDS; shard++) {
        for (Service service : held.get(shard)) {
          result.get(shard).add(service.id);
        }
      }
    }

    private void keep(Map<Long, Service> byId, Assignment previous) {
      for (int shard = 0; shard < SHARDS; shard++) {
        for (long id : previous.services()[shard]) {
          Service service = byId.get(id);
          if (service != null
              && !used.get(shard).get(service.domain.index)
              && held.get(shard).size() < perShard) {
            give(shard, service);
          }
        }
      }
    }

    private void give(int shard, Service service) {
      held.get(shard).add(service);
      used.get(shard).set(service.domain.index);
      service.load++;
    }

    /** Rounds in which every shard that has too few takes the best service it can. */
    private void fill() {
      for (int round = 1; round <= perShard; round++) {
        for (int shard : order) {
          if (held.get(shard).size() < round) {
            Service service = bestFor(used.get(shard)).next;
            give(shard, service);
            service.domain.newHolders.add(shard);
            service.domain.chooseNext();
          }
        }
      }
    }

    /**
     * Services of a domain were handed out in turn, in every domain to the same shards in the same
     * order, so that few different sets would come of it and a few shards might use half of all
     * disks. Who has which of them is drawn for each domain.
     */
    private void shuffleNewHolders(Domain domain) {
      List<Service> handedOut = new ArrayList<>();
      for (int shard : domain.newHolders) {
        handedOut.add(held.get(shard).get(place(shard, domain)));
      }
      List<Integer> shuffled = domain.shuffled(domain.newHolders);
      for (int i = 0; i < shuffled.size(); i++) {
        int shard = shuffled.get(i);
        held.get(shard).set(place(shard, domain), handedOut.get(i));
      }
    }

    /** Where in a shard's list the domain's service is. */
    private int place(int shard, Domain domain) {
      List<Service> services = held.get(shard);
      for (int place = 0; place < services.size(); place++) {
        if (services.get(place).domain.equals(domain)) {
          return place;
        }
      }
      throw new IllegalStateException("a shard does not hold what it was given");
    }

    private Domain bestFor(BitSet usedDomains) {
      Domain best = null;
      for (Domain domain : domains) {
        if (!usedDomains.get(domain.index)
            && (best == null || BEST_FIRST.compare(domain, best) < 0)) {
          best = domain;
        }
      }
      return best;
    }

    /** Within a domain any shard can change from one service to another. */
    private void level(Domain domain) {
      List<Integer> shards = domain.shuffled(ALL_SHARDS);
      while (true) {
        Service most = domain.mostHeld();
        domain.chooseNext();
        if (!most.shouldGiveTo(domain.next)) {
          return;
        }
        for (int shard : shards) {
          int place = held.get(shard).indexOf(most);
          if (place >= 0) {
            exchange(shard, place, domain.next);
            break;
          }
        }
      }
    }

    /**
     * Between domains only a shard that does not use the other one yet can change. Every move makes
     * the loads more even; it ends when none of the most uneven pairs of domains allows one.
     */
    private void levelAcrossDomains() {
      for (int moves = 0; moves < SHARDS * perShard; moves++) {
        domains.forEach(Domain::chooseNext);
        List<Domain> mostFirst = new ArrayList<>(domains);
        mostFirst.sort((a, b) -> a.mostHeld().compareForLast(b.mostHeld()));
        List<Domain> leastFirst = new ArrayList<>(domains);
        leastFirst.sort((a, b) -> a.next.compareForNext(b.next));
        if (!moveOne(mostFirst, leastFirst)) {
          return;
        }
      }
    }

    private boolean moveOne(List<Domain> mostFirst, List<Domain> leastFirst) {
      int tries = Math.min(DOMAINS_TRIED, domains.size());
      for (Domain from : mostFirst.subList(0, tries)) {
        for (Domain to : leastFirst.subList(0, tries)) {
          if (from.mostHeld().shouldGiveTo(to.next) && move(from, to)) {
            return true;
          }
        }
      }
      return false;
    }

    /**
     * Whichever service of the domain the shard gives up, levelling it again helps the most held.
     */
    private boolean move(Domain from, Domain to) {
      for (int shard : order) {
        if (used.get(shard).get(from.index) && !used.get(shard).get(to.index)) {
          exchange(shard, place(shard, from), to.next);
          level(from);
          return true;
        }
      }
      return false;
    }

    private void exchange(int shard, int place, Service to) {
      Service from = held.get(shard).set(place, to);
      used.get(shard).clear(from.domain.index);
      used.get(shard).set(to.domain.index);
      from.load--;
      to.load++;
    }
  }
}
