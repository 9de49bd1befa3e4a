/**
 * Wait queues: how blocked tasks, poll and epoll learn that something became ready.
 * Level triggered: a woken party looks again; spurious wake-ups are legal.
 */

/** One party waiting on a queue. `events` is an EPOLL* mask; 0 = any event. */
export interface Waiter {
  readonly events: number;
  /** Exclusive waiters are woken one at a time (futex, accept, EPOLLEXCLUSIVE). */
  readonly exclusive?: boolean;
  onWake(events: number): void;
}

export class WaitQueue {
  private readonly _waiters: Waiter[] = [];

  add(waiter: Waiter): void {
    this._waiters.push(waiter);
  }

  remove(waiter: Waiter): void {
    const index = this._waiters.indexOf(waiter);
    if (index >= 0) this._waiters.splice(index, 1);
  }

  get size(): number {
    return this._waiters.length;
  }

  /** Wakes every matching waiter, and at most `maxExclusive` of the exclusive ones. Returns how many were woken. */
  wake(events: number, maxExclusive = 1): number {
    const { length } = this._waiters;
    if (length === 0) return 0;
    let woken = 0;
    // Who is woken may leave the queue.
    for (const waiter of length === 1 ? [this._waiters[0]!] : [...this._waiters]) {
      if (waiter.events !== 0 && (waiter.events & events) === 0) continue;
      if (waiter.exclusive && maxExclusive-- <= 0) continue;
      woken++;
      waiter.onWake(events);
    }
    return woken;
  }
}
