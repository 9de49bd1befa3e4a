/**
 * Pending signals of a task or thread group: standard signals at most once, real-time signals queued
 * in the order sent (signal(7), "Queueing and delivery semantics for real-time signals").
 */
import type { SigInfo, SigSet } from '@troupe/abi';
import { SIGRTMIN, SYNCHRONOUS_SIGNALS, lowestSignal, sigBit, sigHas } from '@troupe/abi';

export class PendingSignals {
  /** Signals with at least one entry. */
  set: SigSet = 0n;
  /** In the order sent. */
  private _queue: SigInfo[] = [];

  /** Queued entries, as counted by RLIMIT_SIGPENDING. */
  get count(): number {
    return this._queue.length;
  }

  get entries(): readonly SigInfo[] {
    return this._queue;
  }

  /** False when a standard signal was already pending: the new one is dropped. */
  enqueue(info: SigInfo): boolean {
    const { signo } = info;
    if (signo < SIGRTMIN && sigHas(this.set, signo)) return false;
    this.set |= sigBit(signo);
    this._queue.push(info);
    return true;
  }

  /** Makes a signal pending without an entry (RLIMIT_SIGPENDING reached for kill(2)). */
  markPending(signo: number): void {
    this.set |= sigBit(signo);
  }

  /** Next signal number in `mask`: synchronous ones first, then the lowest; 0 = none. */
  next(mask: SigSet): number {
    if (this.set === 0n) return 0;
    const ready = this.set & mask;
    if (ready === 0n) return 0;
    return lowestSignal((ready & SYNCHRONOUS_SIGNALS) || ready);
  }

  /** Takes the oldest entry of the next signal in `mask`. */
  dequeue(mask: SigSet): SigInfo | null {
    const signo = this.next(mask);
    return signo === 0 ? null : this.take(signo);
  }

  take(signo: number): SigInfo {
    if (this._queue.length === 1 && this._queue[0]!.signo === signo) {
      this.set &= ~sigBit(signo);
      return this._queue.pop()!;
    }
    const index = this._queue.findIndex((info) => info.signo === signo);
    const [info] = index < 0 ? [] : this._queue.splice(index, 1);
    if (!this._queue.some((other) => other.signo === signo)) this.set &= ~sigBit(signo);
    return info ?? { signo, code: 0, pid: 0, uid: 0 };
  }

  /** Drops every entry of the signals in `mask`. */
  discard(mask: SigSet): void {
    if ((this.set & mask) === 0n) return;
    this.set &= ~mask;
    this._queue = this._queue.filter(({ signo }) => !sigHas(mask, signo));
  }
}
