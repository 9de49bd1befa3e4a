/**
 * Deadlines of one clock, in a binary heap.
 *
 *   Owns:    the armed deadlines
 *   Accepts: arm, cancel, expire(now)
 *   Sends:   Expiry.onExpire, in deadline order; equal deadlines in arming order
 */
import type { Clock } from './clock.js';

/** What happens at a deadline. An object with plain state, so that it can be saved. */
export interface Expiry {
  onExpire(nowNs: number): void;
}

export interface TimerHandle {
  readonly deadlineNs: number;
  readonly expiry: Expiry;
  /** False once expired or cancelled. */
  armed: boolean;
  readonly seq: number;
}

export class TimerQueue {
  private readonly _heap: TimerHandle[] = [];
  private _seq = 0;

  /** `clock` is the clock of the deadlines; `onEarlier` is called when the next deadline moved closer. */
  constructor(readonly clock: Clock, readonly onEarlier: (deadlineNs: number) => void = () => undefined) {}

  arm(deadlineNs: number, expiry: Expiry): TimerHandle {
    const handle: TimerHandle = { deadlineNs, expiry, armed: true, seq: this._seq++ };
    this._heap.push(handle);
    this._siftUp(this._heap.length - 1);
    if (this._heap[0] === handle) this.onEarlier(deadlineNs);
    return handle;
  }

  /** Disarms; a handle that already expired is left alone. Dead entries leave the heap when they surface. */
  cancel(handle: TimerHandle | undefined): void {
    if (handle) handle.armed = false;
    this._dropDead();
  }

  /** Next armed deadline, or Infinity. */
  get nextNs(): number {
    this._dropDead();
    return this._heap[0]?.deadlineNs ?? Infinity;
  }

  get armedCount(): number {
    let count = 0;
    for (const handle of this._heap) if (handle.armed) count++;
    return count;
  }

  /** Runs everything due at `nowNs`; returns how many expired. */
  expire(nowNs: number): number {
    let expired = 0;
    while (this.nextNs <= nowNs) {
      const handle = this._popTop();
      handle.armed = false;
      handle.expiry.onExpire(nowNs);
      expired++;
    }
    return expired;
  }

  private _dropDead(): void {
    while (this._heap.length > 0 && !this._heap[0]!.armed) this._popTop();
  }

  private _popTop(): TimerHandle {
    const top = this._heap[0]!;
    const last = this._heap.pop()!;
    if (this._heap.length > 0) {
      this._heap[0] = last;
      this._siftDown(0);
    }
    return top;
  }

  private _before(a: TimerHandle, b: TimerHandle): boolean {
    return a.deadlineNs < b.deadlineNs || (a.deadlineNs === b.deadlineNs && a.seq < b.seq);
  }

  private _siftUp(from: number): void {
    const heap = this._heap;
    const item = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this._before(item, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  }

  private _siftDown(from: number): void {
    const heap = this._heap;
    const item = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this._before(heap[child + 1]!, heap[child]!)) child++;
      if (!this._before(heap[child]!, item)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = item;
  }
}
