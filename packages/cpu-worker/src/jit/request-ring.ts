import { lockWord, unlockWord } from '@troupe/abi/shared/spin-lock.js';
import { AREA, REQUEST_SLOTS, type JitArea } from './jit-area.js';
import type { RegionRequest } from './region-abi.js';

/** Words of what is asked for: `tableExec` has this bit when a page has been decoded for the first time, of which there may be kept translations. */
const NEW_PAGE = 1;

/** What cores tell the compiler. */
export interface CompilerRequest extends RegionRequest {
  /** No region is wanted: the page of `rip` is new. */
  readonly isNewPage?: boolean;
}

/**
 * Requests for regions, from the cores to the compiler: two words each, rip and tableExec.
 *
 *   Owns:   requestHead requestTail and the slots, under requestLock
 *   Order:  a pusher fills the slot, then moves the head and notifies it
 */
export class RequestRing {
  constructor(readonly area: JitArea) {}

  /** False: the ring is full and the request lost; the code will get hot again. */
  push({ rip, tableExec, isNewPage }: CompilerRequest): boolean {
    const { i32, u32 } = this.area.shared;
    const head = this.area.word('requestHead');
    lockWord(i32, this.area.word('requestLock'));
    const at = i32[head]!;
    const isFull = ((at - i32[this.area.word('requestTail')]!) | 0) >= REQUEST_SLOTS;
    if (!isFull) {
      const slot = this.#slot(at);
      u32[slot] = rip;
      u32[slot + 1] = isNewPage ? tableExec | NEW_PAGE : tableExec;
      Atomics.store(i32, head, (at + 1) | 0);
    }
    unlockWord(i32, this.area.word('requestLock'));
    if (!isFull) Atomics.notify(i32, head);
    return !isFull;
  }

  pop(): CompilerRequest | undefined {
    const { i32, u32 } = this.area.shared;
    lockWord(i32, this.area.word('requestLock'));
    const tail = this.area.word('requestTail');
    const at = i32[tail]!;
    let request: CompilerRequest | undefined;
    if (at !== i32[this.area.word('requestHead')]) {
      const slot = this.#slot(at);
      const tableExec = u32[slot + 1]!;
      request = { rip: u32[slot]!, tableExec: tableExec & ~NEW_PAGE, isNewPage: (tableExec & NEW_PAGE) !== 0 };
      i32[tail] = (at + 1) | 0;
    }
    unlockWord(i32, this.area.word('requestLock'));
    return request;
  }

  get waiting(): number {
    const { i32 } = this.area.shared;
    return (Atomics.load(i32, this.area.word('requestHead')) - Atomics.load(i32, this.area.word('requestTail'))) | 0;
  }

  /** Returns when something may be waiting, or after `timeoutMs`. */
  sleep(timeoutMs: number): void {
    const { i32 } = this.area.shared;
    const head = Atomics.load(i32, this.area.word('requestHead'));
    if (head === Atomics.load(i32, this.area.word('requestTail'))) Atomics.wait(i32, this.area.word('requestHead'), head, timeoutMs);
  }

  /** Returns when `count` requests wait, or after `timeoutMs`. */
  gather(count: number, timeoutMs: number): void {
    const { i32 } = this.area.shared;
    const untilMs = performance.now() + timeoutMs;
    for (let restMs = timeoutMs; restMs > 0; restMs = untilMs - performance.now()) {
      const head = Atomics.load(i32, this.area.word('requestHead'));
      if (this.waiting >= count) return;
      Atomics.wait(i32, this.area.word('requestHead'), head, restMs);
    }
  }

  #slot(at: number): number {
    return ((this.area.base + AREA.requests) >>> 2) + (at & (REQUEST_SLOTS - 1)) * 2;
  }
}
