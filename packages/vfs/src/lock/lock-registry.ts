/**
 * All advisory locks, by inode, and who waits for whom.
 *
 * Owns: the lock sets of every inode that has or had a lock, the waits-for graph of POSIX locks.
 */
import { Flock } from './flock.js';
import { RangeLocks, type LockOwner, type RangeLock } from './range-locks.js';

export class LockRegistry {
  readonly #ranges = new WeakMap<object, RangeLocks>();
  readonly #flocks = new WeakMap<object, Flock>();
  /** POSIX owners that sleep, and the owner they sleep for. */
  readonly #waitsFor = new Map<LockOwner, LockOwner>();

  ranges(inode: object): RangeLocks {
    let locks = this.#ranges.get(inode);
    if (!locks) this.#ranges.set(inode, (locks = new RangeLocks()));
    return locks;
  }

  flock(inode: object): Flock {
    let lock = this.#flocks.get(inode);
    if (!lock) this.#flocks.set(inode, (lock = new Flock()));
    return lock;
  }

  /** close(2) of any descriptor of the inode drops every POSIX lock the process has on it (fcntl(2)). */
  onDescriptorClosed(inode: object, table: LockOwner): void {
    this.#ranges.get(inode)?.releaseAll(table);
  }

  /** The last reference of an open file description went away: its flock and OFD locks go. */
  onFileReleased(inode: object, file: LockOwner): void {
    this.#ranges.get(inode)?.releaseAll(file);
    this.#flocks.get(inode)?.release(file);
  }

  /** True when waiting for `blocker` would close a cycle of waiting owners (fcntl(2) EDEADLK). */
  wouldDeadlock(waiter: LockOwner, blocker: RangeLock): boolean {
    let owner: LockOwner | undefined = blocker.owner;
    const seen = new Set<LockOwner>();
    while (owner && !seen.has(owner)) {
      if (owner === waiter) return true;
      seen.add(owner);
      owner = this.#waitsFor.get(owner);
    }
    return false;
  }

  startWaiting(waiter: LockOwner, blocker: RangeLock): void {
    this.#waitsFor.set(waiter, blocker.owner);
  }

  stopWaiting(waiter: LockOwner): void {
    this.#waitsFor.delete(waiter);
  }
}
