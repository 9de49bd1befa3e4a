/**
 * Pages that cores may fill: private anonymous memory that nobody has touched. The core that writes to one puts a zeroed
 * frame there itself (cpu-worker worker/fresh-pages.ts); the page table learns of it when the kernel looks.
 *
 * Owns:    the granted bits of one set of flat tables; sets fresh bits.
 * Borrows: fresh bits (cores claim them: Atomics.and), write entries of granted pages (cores store the first one),
 *          FLAT_SET.filled (cores add).
 * Order:   a bit is taken by whoever clears it. A core clears it, zeroes the frame, then stores the entries, all while it
 *          is in guest code. The kernel clears it (revoke) before it changes anything about the page. Where it finds it
 *          cleared a core was first, and the kernel waits for its write entry, which names the frame. Clearing entries and
 *          the shootdown come after that, so a core never stores an entry where the kernel has withdrawn one.
 */
import { ADDEND_BIAS, FLAT_SET, hasPageBit, Invariant, lowestPage, PAGE_SIZE, pageBits, type SharedMemory } from '@troupe/abi';
import { isRunning } from './shootdown.js';

const CHUNK_WORDS = 32;
const CHUNK_SHIFT = 10;
const CHUNK_COUNT = 1024;
const SPINS = 2000;
const WAIT_MS = 0.05;
const LIMIT_MS = 20_000;

type Take = (page: number, frame: number) => void;

export class FreshPages {
  private readonly _fresh: number;
  private readonly _granted: number;
  private readonly _filled: number;
  private readonly _write: number;
  /** 1 = some page of the chunk may be granted. */
  private readonly _chunks = new Uint8Array(CHUNK_COUNT);
  private _settledPages = 0;

  constructor(readonly shared: SharedMemory, base: number) {
    this._fresh = (base + FLAT_SET.fresh) >>> 2;
    this._granted = (base + FLAT_SET.granted) >>> 2;
    this._filled = (base + FLAT_SET.filled) >>> 2;
    this._write = (base + FLAT_SET.write) >>> 2;
  }

  /** Pages that cores have filled and the page table does not know. */
  get unsettledPages(): number {
    return Math.max(0, (Atomics.load(this.shared.i32, this._filled) - this._settledPages) | 0);
  }

  isGranted(page: number): boolean {
    return hasPageBit(this.shared.u32, this._granted, page);
  }

  grant(first: number, end: number): void {
    const { u32 } = this.shared;
    for (let chunk = first >>> CHUNK_SHIFT; chunk <= (end - 1) >>> CHUNK_SHIFT; chunk++) this._chunks[chunk] = 1;
    for (let word = first >>> 5; word <= (end - 1) >>> 5; word++) {
      const mask = pageBits(word, first, end);
      u32[this._granted + word]! |= mask;
      Atomics.or(u32, this._fresh + word, mask);
    }
  }

  /** Cores fill no page of [first, end) any more; `take` gets those that were filled. */
  revoke(asId: number, first: number, end: number, take: Take): void {
    for (let chunk = first >>> CHUNK_SHIFT; chunk <= (end - 1) >>> CHUNK_SHIFT; chunk++) {
      if (this._chunks[chunk] === 0) continue;
      const [from, to] = [chunk << CHUNK_SHIFT, (chunk + 1) << CHUNK_SHIFT];
      this._revokeIn(asId, Math.max(from, first), Math.min(to, end), take);
      if (first <= from && to <= end) this._chunks[chunk] = 0;
    }
  }

  private _revokeIn(asId: number, first: number, end: number, take: Take): void {
    const { u32 } = this.shared;
    for (let word = first >>> 5; word <= (end - 1) >>> 5; word++) {
      const granted = u32[this._granted + word]! & pageBits(word, first, end);
      if (granted === 0) continue;
      const fresh = Atomics.and(u32, this._fresh + word, ~granted);
      u32[this._granted + word]! &= ~granted;
      for (let claimed = granted & ~fresh; claimed !== 0; claimed &= claimed - 1) {
        const page = lowestPage(word, claimed);
        this._tell(page, this._awaitEntry(asId, page), take);
      }
    }
  }

  /** `take` gets the pages that were filled; cores may fill more. */
  settle(take: Take): void {
    if (this.unsettledPages === 0) return;
    const { u32 } = this.shared;
    for (let chunk = 0; chunk < CHUNK_COUNT; chunk++) {
      if (this._chunks[chunk] === 0) continue;
      for (let word = chunk * CHUNK_WORDS; word < (chunk + 1) * CHUNK_WORDS; word++) {
        const claimed = u32[this._granted + word]! & ~Atomics.load(u32, this._fresh + word);
        if (claimed !== 0) this._settleWord(word, claimed, take);
      }
    }
  }

  /** Pages that a core is filling right now stay granted. */
  private _settleWord(word: number, claimed: number, take: Take): void {
    const { u32 } = this.shared;
    for (let rest = claimed; rest !== 0; rest &= rest - 1) {
      const bit = rest & -rest;
      const page = lowestPage(word, bit);
      const entry = Atomics.load(u32, this._write + page);
      if (entry === 0) continue;
      u32[this._granted + word]! &= ~bit;
      this._tell(page, entry, take);
    }
  }

  private _tell(page: number, entry: number, take: Take): void {
    if (entry === 0) return;
    this._settledPages = (this._settledPages + 1) | 0;
    take(page, (entry + page * PAGE_SIZE + ADDEND_BIAS) >>> 0);
  }

  /** The write entry of a page that a core has claimed; 0 when the core died before it stored one: its frame is lost. */
  private _awaitEntry(asId: number, page: number): number {
    const { i32, u32 } = this.shared;
    const word = this._write + page;
    let startMs = 0;
    for (let spins = 0; Atomics.load(u32, word) === 0; spins++) {
      if (!isRunning(this.shared, asId)) return Atomics.load(u32, word);
      if (spins < SPINS) continue;
      Atomics.wait(i32, word, 0, WAIT_MS);
      if (startMs === 0) startMs = performance.now();
      else if (performance.now() - startMs > LIMIT_MS) throw new Invariant(`page ${page} of address space ${asId} is claimed and not filled`);
    }
    return Atomics.load(u32, word);
  }
}
