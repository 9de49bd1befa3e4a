/**
 * Room above the program break that the kernel has given to the cores of an address space: they move the break up within
 * it (brk(2), cpu-worker worker/in-core-calls.ts), and the heap's mapping follows when the kernel looks at the mappings.
 *
 * Owns:    FLAT_SET.breakState of one set of flat tables: low word the break, high word the end of the room (page-aligned),
 *          with FROZEN while the kernel takes it back; 0 = no room.
 * Borrows: the low word (cores replace the whole by compare-exchange, while it is not frozen).
 * Order:   the pages of the room are granted (fresh-pages.ts) before the state is set, and cores fill only those below the
 *          break that the state names. To take the room back: freeze, let the mapping follow, revoke the pages, state = 0.
 *          Cores must pass a safepoint before there is a new room, as they may still go by the old state.
 */
import { FLAT_SET, type SharedMemory } from '@troupe/abi';

const FROZEN = 1n << 32n;
const WORD = 0xffff_ffffn;

export class HeapReserve {
  private readonly _state: number;

  constructor(readonly shared: SharedMemory, base: number) {
    this._state = (base + FLAT_SET.breakState) / 8;
  }

  /** The break, or 0 when there is no room. Cores may move it at any time. */
  get end(): number {
    return Atomics.load(this.shared.u32, this._state * 2);
  }

  /** End of the room. Precondition: there is one. */
  get top(): number {
    return (Atomics.load(this.shared.u32, this._state * 2 + 1) & ~1) >>> 0;
  }

  give(end: number, top: number): void {
    Atomics.store(this.shared.u64, this._state, BigInt(end) | (BigInt(top) << 32n));
  }

  /** Cores do not move the break any more; the end of the room. */
  freeze(): number {
    const { u64 } = this.shared;
    for (;;) {
      const state = Atomics.load(u64, this._state);
      if (Atomics.compareExchange(u64, this._state, state, state | FROZEN) === state) return Number(((state >> 32n) & WORD) & ~1n);
    }
  }

  clear(): void {
    Atomics.store(this.shared.u64, this._state, 0n);
  }
}
