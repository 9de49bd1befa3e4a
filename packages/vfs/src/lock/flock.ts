/** Whole-file locks of one inode (flock(2)): owned by open file descriptions, independent of fcntl(2) locks. */
import { Errno, WaitQueue } from '@troupe/abi';
import type { LockOwner } from './range-locks.js';

export type FlockKind = 'shared' | 'exclusive';

export class Flock {
  readonly waiters = new WaitQueue();
  private readonly _holders = new Map<LockOwner, FlockKind>();

  get holders(): ReadonlyMap<LockOwner, FlockKind> {
    return this._holders;
  }

  /** 0 or -EAGAIN. Converting drops the old lock first, so it is lost when the new one must wait (flock(2)). */
  acquire(owner: LockOwner, kind: FlockKind): number {
    const current = this._holders.get(owner);
    if (current === kind) return 0;
    if (current) this.release(owner);
    if (this._holders.size > 0 && (kind === 'exclusive' || this._isExclusive())) return -Errno.EAGAIN;
    this._holders.set(owner, kind);
    return 0;
  }

  release(owner: LockOwner): void {
    if (this._holders.delete(owner)) this.waiters.wake(0xffff, Infinity);
  }

  private _isExclusive(): boolean {
    for (const kind of this._holders.values()) if (kind === 'exclusive') return true;
    return false;
  }
}
