/**
 * Byte-range locks of one inode (fcntl(2), advisory record locking and open file description locks).
 *
 * Owns: the list of held ranges, sorted by owner insertion; ranges of one owner never overlap.
 */
import { WaitQueue } from '@troupe/abi';

export type RangeLockKind = 'read' | 'write';

/** Who holds a lock: a descriptor table (POSIX) or an open file description (flock, OFD). Compared by identity. */
export interface LockOwner {
  /** The owner of the POSIX lock a task of this table sleeps for; null while none does. */
  waitsForLockOf: LockOwner | null;
}

export interface RangeLock {
  readonly owner: LockOwner;
  readonly kind: RangeLockKind;
  readonly startBytes: number;
  /** First byte after the range; Infinity = to the end of the file, however it grows. */
  readonly endBytes: number;
  /** What F_GETLK reports; -1 for open file description locks. */
  readonly pid: number;
}

export class RangeLocks {
  /** Woken when a range is given up. */
  readonly waiters = new WaitQueue();
  private _held: RangeLock[] = [];

  get held(): readonly RangeLock[] {
    return this._held;
  }

  /** The first lock of another owner that stands in the way of `wanted`. */
  conflict(wanted: RangeLock): RangeLock | undefined {
    return this._held.find((lock) => lock.owner !== wanted.owner && overlaps(lock, wanted) && (lock.kind === 'write' || wanted.kind === 'write'));
  }

  /** Takes or converts a range. Precondition: no conflict. */
  acquire(wanted: RangeLock): void {
    const isWeaker = this._cut(wanted.owner, wanted.startBytes, wanted.endBytes);
    this._held.push(wanted);
    this._merge(wanted);
    if (isWeaker) this.waiters.wake(0xffff, Infinity);
  }

  /** Gives up a range (F_UNLCK), splitting locks that stick out. */
  release(owner: LockOwner, startBytes: number, endBytes: number): void {
    if (this._cut(owner, startBytes, endBytes)) this.waiters.wake(0xffff, Infinity);
  }

  releaseAll(owner: LockOwner): void {
    this.release(owner, 0, Infinity);
  }

  /** Removes [start, end) from the locks of the owner; true when anything was held there. */
  private _cut(owner: LockOwner, startBytes: number, endBytes: number): boolean {
    const rest: RangeLock[] = [];
    let hit = false;
    for (const lock of this._held) {
      if (lock.owner !== owner || lock.endBytes <= startBytes || lock.startBytes >= endBytes) {
        rest.push(lock);
        continue;
      }
      hit = true;
      if (lock.startBytes < startBytes) rest.push({ ...lock, endBytes: startBytes });
      if (lock.endBytes > endBytes) rest.push({ ...lock, startBytes: endBytes });
    }
    this._held = rest;
    return hit;
  }

  /** Joins the lock with neighbours of the same owner and kind. */
  private _merge(added: RangeLock): void {
    let { startBytes, endBytes } = added;
    const rest: RangeLock[] = [];
    for (const lock of this._held) {
      const joins = lock.owner === added.owner && lock.kind === added.kind && lock.startBytes <= endBytes && lock.endBytes >= startBytes;
      if (!joins) {
        rest.push(lock);
        continue;
      }
      startBytes = Math.min(startBytes, lock.startBytes);
      endBytes = Math.max(endBytes, lock.endBytes);
    }
    rest.push({ ...added, startBytes, endBytes });
    this._held = rest;
  }
}

function overlaps(a: RangeLock, b: RangeLock): boolean {
  return a.startBytes < b.endBytes && b.startBytes < a.endBytes;
}
