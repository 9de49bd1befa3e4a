/** The advisory locks of an inode, kept in `Inode.locks`, and the deadlock check of POSIX locks. */
import type { FileDescription, ReleaseListener } from '../file-description.js';
import type { Inode } from '../inode.js';
import { Flock } from './flock.js';
import { RangeLocks, type LockOwner } from './range-locks.js';

export class InodeLocks implements ReleaseListener {
  readonly ranges = new RangeLocks();
  readonly flock = new Flock();

  /** The last reference of an open file description went away: its flock and OFD locks go. */
  onFileReleased(file: FileDescription): void {
    this.ranges.releaseAll(file);
    this.flock.release(file);
  }
}

/** The locks of the inode, made at first use. */
export function locksOf(inode: Inode): InodeLocks {
  return (inode.locks ??= new InodeLocks()) as InodeLocks;
}

/** The locks of the inode if it ever had one. */
export function existingLocksOf(inode: Inode): InodeLocks | null {
  return inode.locks as InodeLocks | null;
}

/** True when waiting for `blocker` would close a cycle of waiting owners (fcntl(2) EDEADLK). */
export function wouldDeadlock(waiter: LockOwner, blocker: LockOwner): boolean {
  const seen = new Set<LockOwner>();
  for (let owner: LockOwner | null = blocker; owner && !seen.has(owner); owner = owner.waitsForLockOf) {
    if (owner === waiter) return true;
    seen.add(owner);
  }
  return false;
}
