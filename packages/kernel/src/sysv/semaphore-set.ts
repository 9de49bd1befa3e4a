/**
 * System V semaphores (semget(2), semop(2), semctl(2)).
 *
 * Owns:  values, pending operations, adjustments to undo.
 * Order: pending operations are tried in the order they came whenever a value changes; whoever can
 *        proceed has its operations done for it before anybody else comes by.
 */
import { Errno, IpcFlag, SEM_UNDO, SEM_VALUE_MAX, WaitQueue } from '@troupe/abi';
import type { IpcObject } from './object-table.js';
import type { IpcPermission } from './permission.js';
import type { SemaphoreUndo } from './semaphore-undo.js';

/** Outcome of `attempt`: the caller must wait. */
export const BLOCKED = 1;

/** struct sembuf. */
export interface SemaphoreOperation {
  readonly index: number;
  readonly change: number;
  readonly flags: number;
}

/** A semop that waits. `result` is null until it was done or refused. */
export interface PendingOperation {
  readonly operations: readonly SemaphoreOperation[];
  readonly pid: number;
  readonly undo: SemaphoreUndo | null;
  result: number | null;
}

export class SemaphoreSet implements IpcObject {
  readonly values: number[];
  /** Pid of the last operation on each semaphore. */
  readonly lastPids: number[];
  readonly pending: PendingOperation[] = [];
  readonly waiters = new WaitQueue();
  /** What each process has to undo at its end, per semaphore. */
  readonly adjustments = new Map<SemaphoreUndo, number[]>();
  operatedAt = 0;

  constructor(public key: number, readonly id: number, readonly permission: IpcPermission, count: number, public changedAt: number) {
    this.values = Array.from({ length: count }, () => 0);
    this.lastPids = Array.from({ length: count }, () => 0);
  }

  /** All operations or none: 0 done, BLOCKED must wait, or -errno. */
  attempt({ operations, pid, undo }: Omit<PendingOperation, 'result'>): number {
    const before = [...this.values];
    for (const operation of operations) {
      const refused = this._refusal(operation, undo);
      if (refused !== 0) {
        before.forEach((old, at) => (this.values[at] = old));
        return refused;
      }
      this.values[operation.index]! += operation.change;
    }
    for (const { index } of operations) this.lastPids[index] = pid;
    if (undo !== null) this._recordUndo(undo, operations);
    return 0;
  }

  /** Why one operation cannot be done now; 0: it can. */
  private _refusal({ change, flags, index }: SemaphoreOperation, undo: SemaphoreUndo | null): number {
    const next = this.values[index]! + change;
    if (change === 0 ? next !== 0 : next < 0) return (flags & IpcFlag.NOWAIT) !== 0 ? -Errno.EAGAIN : BLOCKED;
    if (next > SEM_VALUE_MAX) return -Errno.ERANGE;
    if (undo === null || (flags & SEM_UNDO) === 0) return 0;
    const adjust = (this.adjustments.get(undo)?.[index] ?? 0) - change;
    return adjust < -SEM_VALUE_MAX - 1 || adjust > SEM_VALUE_MAX ? -Errno.ERANGE : 0;
  }

  private _recordUndo(undo: SemaphoreUndo, operations: readonly SemaphoreOperation[]): void {
    if (!operations.some(({ flags }) => (flags & SEM_UNDO) !== 0)) return;
    let adjust = this.adjustments.get(undo);
    if (adjust === undefined) this.adjustments.set(undo, (adjust = this.values.map(() => 0)));
    undo.sets.add(this);
    for (const { change, flags, index } of operations) if (flags & SEM_UNDO) adjust[index]! -= change;
  }

  /** The operation that keeps a pending one from proceeding (GETNCNT, GETZCNT); undefined: none. */
  private _blockerOf({ operations }: PendingOperation): SemaphoreOperation | undefined {
    const values = [...this.values];
    for (const operation of operations) {
      const { change, index } = operation;
      if (change === 0 ? values[index] !== 0 : values[index]! + change < 0) return operation;
      values[index]! += change;
    }
    return undefined;
  }

  /** How many wait for the semaphore to rise, or to become zero. */
  waiting(index: number, forZero: boolean): number {
    return this.pending.filter((entry) => {
      const blocker = this._blockerOf(entry);
      return blocker !== undefined && blocker.index === index && (blocker.change === 0) === forZero;
    }).length;
  }

  /** Values changed: does every pending operation that can be done now, oldest first, and tells their tasks. */
  settle(nowSeconds: number): void {
    let isAnyDone = false;
    for (let at = 0; at < this.pending.length; ) {
      const entry = this.pending[at]!;
      const result = this.attempt(entry);
      if (result === BLOCKED) {
        at++;
        continue;
      }
      entry.result = result;
      this.pending.splice(at, 1);
      isAnyDone = true;
      if (result !== 0) continue;
      this.operatedAt = nowSeconds;
      // Earlier operations may be possible now.
      if (entry.operations.some(({ change }) => change !== 0)) at = 0;
    }
    if (isAnyDone) this.waiters.wake(0, Infinity);
  }

  /** The caller of a pending operation gives up. */
  withdraw(entry: PendingOperation): void {
    const at = this.pending.indexOf(entry);
    if (at >= 0) this.pending.splice(at, 1);
  }

  /** SETVAL and SETALL forget what processes would undo. */
  clearAdjustments(index: number): void {
    for (const adjust of this.adjustments.values()) adjust[index] = 0;
  }

  /** IPC_RMID: waiting operations fail. */
  destroy(): void {
    for (const undo of this.adjustments.keys()) undo.sets.delete(this);
    for (const entry of this.pending.splice(0)) entry.result = -Errno.EIDRM;
    this.waiters.wake(0, Infinity);
  }
}
