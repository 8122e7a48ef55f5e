package org.eggsfs.cdc.state;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Shared and exclusive locks, first come first served per key (cdc.md section 13.4). A transaction
 * asks for all its locks in one go when it is accepted, so waits always point to older
 * transactions: no deadlock, and nobody starves. What is granted follows from the order of the
 * transactions alone, so that the table can be rebuilt from them after a restart.
 */
final class LockTable {
  private record Waiter(Transaction transaction, int lock) {}

  private static final class Queue {
    final ArrayDeque<Waiter> waiting = new ArrayDeque<>();
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
        queue.waiting.add(new Waiter(transaction, i));
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
        queue.waiting.removeIf(waiter -> waiter.transaction.equals(transaction));
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
      Waiter next = queue.waiting.peekFirst();
      Locks locks = next.transaction.locks();
      if (!queue.admits(locks.exclusive[next.lock])) {
        return;
      }
      queue.waiting.removeFirst();
      queue.grant(locks, next.lock);
      locks.waiting--;
      if (locks.waiting == 0) {
        ready.add(next.transaction);
      }
    }
  }

  /** How many keys somebody holds. */
  int size() {
    return queues.size();
  }
}
