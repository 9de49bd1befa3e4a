/**
 * Futexes (futex(2); seed: futex.Manager).
 *
 *   Owns:   the queues of waiters; the futex filter
 *   Order:  the word is compared and the waiter queued in one kernel step; wakers run on the same
 *           thread, so no wake-up falls in between
 *
 *           Cores answer FUTEX_WAKE of private futexes nobody waits on (packages/abi shared/in-core-calls.ts):
 *           a waiter is counted in the filter before the word is compared
 *
 * A private futex is named by (address space, address); a shared one by the linear address of its
 * word, which is stable because shared mappings never copy their frames.
 */
import { FUTEX_FILTER, FUTEX_FILTER_WORDS, futexFilterIndex, WaitQueue, type FramePool } from '@troupe/abi';
import type { MemoryManager } from './mm/memory-manager.js';
import type { Task } from './task/task.js';

/** One waiting task. It is woken by `woken = true` and its queue. */
export class FutexWaiter {
  woken = false;
  readonly queue = new WaitQueue();
  bucket: FutexBucket | null = null;

  constructor(readonly task: Task, readonly bitset: number, readonly index = 0) {}

  wake(): void {
    this.woken = true;
    this.bucket = null;
    this.queue.wake(0);
  }
}

/** Waiters of one futex word, in arrival order. */
export class FutexBucket {
  readonly waiters: FutexWaiter[] = [];

  /** `filterWord`: index of the counter in the shared memory, -1 for shared futexes. */
  constructor(readonly manager: FutexManager, readonly key: number, private _filterWord: number) {}

  /** The bucket came with an image: its waiters are counted in the filter of this kernel. */
  loaded(): void {
    if (this._filterWord < 0) return;
    this._filterWord = this.manager.filterWord(this.key);
    this.manager.count(this._filterWord, this.waiters.length);
  }

  add(waiter: FutexWaiter): void {
    this.manager.count(this._filterWord, 1);
    this.waiters.push(waiter);
    waiter.bucket = this;
  }

  remove(waiter: FutexWaiter): void {
    const index = this.waiters.indexOf(waiter);
    if (index >= 0) {
      this.waiters.splice(index, 1);
      this.manager.count(this._filterWord, -1);
    }
    waiter.bucket = null;
  }

  wake(count: number, bitset: number): number {
    let woken = 0;
    for (let index = 0; index < this.waiters.length && woken < count; ) {
      const waiter = this.waiters[index]!;
      if ((waiter.bitset & bitset) === 0) {
        index++;
        continue;
      }
      this.remove(waiter);
      waiter.wake();
      woken++;
    }
    return woken;
  }
}

/** More buckets than this are swept for empty ones. */
const FEW_BUCKETS = 64;

/**
 * The futexes of an address space, or the shared ones, by key. A bucket that nobody waits in stays, as
 * the same word is waited on again and again, and a Map that loses its last entries is made anew each time.
 */
export class FutexTable {
  private readonly _buckets = new Map<number, FutexBucket>();
  private _sweepAt = FEW_BUCKETS;

  get(key: number): FutexBucket | undefined {
    return this._buckets.get(key);
  }

  /** A new bucket; it may be swept until somebody waits in it. */
  add(bucket: FutexBucket): FutexBucket {
    if (this._buckets.size >= this._sweepAt) this._sweep();
    this._buckets.set(bucket.key, bucket);
    return bucket;
  }

  private _sweep(): void {
    for (const [key, bucket] of this._buckets) if (bucket.waiters.length === 0) this._buckets.delete(key);
    this._sweepAt = Math.max(FEW_BUCKETS, this._buckets.size * 2);
  }
}

export class FutexManager {
  private readonly _shared = new FutexTable();
  private readonly _filter: number;

  constructor(readonly frames: FramePool) {
    const filter = frames.allocChunk(FUTEX_FILTER_WORDS * 4, true);
    frames.shared.u32[FUTEX_FILTER] = filter;
    this._filter = filter >> 2;
  }

  filterWord(addr: number): number {
    return this._filter + futexFilterIndex(addr);
  }

  /** Adds to a counter of the filter. */
  count(filterWord: number, by: number): void {
    if (filterWord >= 0) Atomics.add(this.frames.shared.i32, filterWord, by);
  }

  /** The bucket of a word, to wait in at once. `isPrivate`: FUTEX_PRIVATE_FLAG was given. */
  bucket(mm: MemoryManager, addr: number, isPrivate: boolean): FutexBucket {
    const sharedKey = isPrivate ? 0 : mm.sharedWordKey(addr);
    const table = sharedKey !== 0 ? this._shared : mm.futexes;
    const key = sharedKey !== 0 ? sharedKey : addr;
    return table.get(key) ?? table.add(new FutexBucket(this, key, sharedKey !== 0 ? -1 : this.filterWord(addr)));
  }

  wake(mm: MemoryManager, addr: number, isPrivate: boolean, count: number, bitset = -1): number {
    const sharedKey = isPrivate ? 0 : mm.sharedWordKey(addr);
    return (sharedKey !== 0 ? this._shared.get(sharedKey) : mm.futexes.get(addr))?.wake(count, bitset) ?? 0;
  }

  /** Wakes waiters of a word whatever flags they used (thread exit: CLEARTID, robust lists). */
  wakeAny(mm: MemoryManager, addr: number, count: number): number {
    const woken = this.wake(mm, addr, true, count);
    return woken < count ? woken + this.wake(mm, addr, false, count - woken) : woken;
  }

  /** Wakes `wakeCount`, moves up to `requeueCount` others to `to`; returns [woken, moved]. */
  requeue(from: FutexBucket, to: FutexBucket, wakeCount: number, requeueCount: number): [number, number] {
    const woken = from.wake(wakeCount, -1);
    let moved = 0;
    for (const waiter of [...from.waiters]) {
      if (moved >= requeueCount) break;
      if (from !== to) {
        from.remove(waiter);
        to.add(waiter);
      }
      moved++;
    }
    return [woken, moved];
  }
}
