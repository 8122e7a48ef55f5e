package org.eggsfs.cdc.state;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Shared and exclusive locks, first come first served per key (cdc.md section 13.4). A transaction
 * asks for all its locks in one go when it is accepted, so waits always point to older
 * transactions: no deadlock, and nobody starves. What is granted follows from the order of the
 * transactions alone, so that the table can be rebuilt from them after a restart.
 */
final class LockTable {
  private static final class Queue {
    /**
     * Who waits, with the number of the lock among its own, first come first. Any of them may give
     * up, and many at once, so nobody is searched for.
     */
    final LinkedHashMap<Transaction, Integer> waiting = new LinkedHashMap<>();

    int holders;
    boolean exclusive;

    boolean admits(boolean exclusively) {
      return holders == 0 || (!exclusive && !exclusively);
    }

    void grant(Locks locks, int lock) {
      holders++;
      exclusive = locks.exclusive[lock];
      locks.granted[lock] = true;
    }
  }

  private final Map<LockKey, Queue> queues = new HashMap<>();

  /** Asks for all locks of a transaction. Returns whether it has them. */
  boolean acquire(Transaction transaction) {
    Locks locks = transaction.locks();
    for (int i = 0; i < locks.keys.size(); i++) {
      Queue queue = queues.computeIfAbsent(locks.keys.get(i), key -> new Queue());
      if (queue.waiting.isEmpty() && queue.admits(locks.exclusive[i])) {
        queue.grant(locks, i);
      } else {
        queue.waiting.put(transaction, i);
        locks.waiting++;
      }
    }
    return locks.waiting == 0;
  }

  /** Gives up all locks of a transaction, held or waited for; adds to {@code ready} who may go. */
  void release(Transaction transaction, List<Transaction> ready) {
    Locks locks = transaction.locks();
    for (int i = 0; i < locks.keys.size(); i++) {
      LockKey key = locks.keys.get(i);
      Queue queue = queues.get(key);
      if (locks.granted[i]) {
        locks.granted[i] = false;
        queue.holders--;
        queue.exclusive &= queue.holders > 0;
      } else {
        queue.waiting.remove(transaction);
        locks.waiting--;
      }
      advance(queue, ready);
      if (queue.holders == 0) {
        queues.remove(key);
      }
    }
  }

  private static void advance(Queue queue, List<Transaction> ready) {
    while (!queue.waiting.isEmpty()) {
      Map.Entry<Transaction, Integer> next = queue.waiting.firstEntry();
      Transaction transaction = next.getKey();
      Locks locks = transaction.locks();
      if (!queue.admits(locks.exclusive[next.getValue()])) {
        return;
      }
      queue.waiting.pollFirstEntry();
      queue.grant(locks, next.getValue());
      locks.waiting--;
      if (locks.waiting == 0) {
        ready.add(transaction);
      }
    }
  }

  /** Whether somebody holds or waits for a lock. */
  boolean isWanted(LockKey key) {
    return queues.containsKey(key);
  }

  /** How many keys somebody holds. */
  int size() {
    return queues.size();
  }
}
