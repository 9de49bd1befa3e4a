/**
 * Adjustments a process makes to semaphores when it ends (semop(2) SEM_UNDO). Threads share one list
 * (CLONE_SYSVSEM); the adjustments themselves are in the sets.
 */
import { SEM_VALUE_MAX } from '@troupe/abi';
import type { SemaphoreSet } from './semaphore-set.js';

export class SemaphoreUndo {
  readonly sets = new Set<SemaphoreSet>();
  private _users = 1;

  share(): this {
    this._users++;
    return this;
  }

  /** A task stops using the list; the last one has the adjustments made. */
  release(pid: number, nowSeconds: number): void {
    if (--this._users > 0) return;
    for (const set of this.sets) {
      const adjust = set.adjustments.get(this) ?? [];
      set.adjustments.delete(this);
      adjust.forEach((change, index) => {
        if (change === 0) return;
        set.values[index] = Math.max(0, Math.min(SEM_VALUE_MAX, set.values[index]! + change));
        set.lastPids[index] = pid;
      });
      set.settle(nowSeconds);
    }
    this.sets.clear();
  }
}
