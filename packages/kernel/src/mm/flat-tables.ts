/**
 * Flat tables: what cores read to translate guest addresses below 4 GiB. One set = read, write and
 * execute table, 4 MiB of linear address space each, contiguous. They cache the PageTable: a set
 * can be taken from one address space and given to another at any time that no core is using it.
 *
 * Owns:   all words of the tables, except that cores replace a non-zero execute entry by
 *         compare-exchange (decoded code page for `frame | 1`) and store the first read and write entry
 *         of pages that were granted to them (fresh-pages.ts); KernelHeader.execVersion
 *         (with the code cache, which counts the code it drops).
 * Order:  a non-zero entry may be replaced by another one only after clear and shootdown.
 */
import { ADDEND_BIAS, FLAT_SET, FLAT_SET_BYTES, headerWord, Invariant, LOW_PAGES, PAGE_SIZE, type FramePool, type SharedMemory } from '@troupe/abi';
import { FreshPages } from './fresh-pages.js';
import { HeapReserve } from './heap-reserve.js';

const EXEC_VERSION = headerWord('execVersion');
const CHUNK_ENTRIES = 1024;
const CHUNK_COUNT = LOW_PAGES / CHUNK_ENTRIES;

/** Table selection for clear(). */
export const Flat = { READ: 1, WRITE: 2, EXEC: 4, ALL: 7 } as const;

export class FlatTables {
  readonly readWord: number;
  readonly writeWord: number;
  readonly execWord: number;
  /** 1 = some entry of the chunk may be non-zero in one of the three tables. */
  private readonly _touched = new Uint8Array(CHUNK_COUNT);
  /** The numbers of those chunks. */
  private readonly _chunks: number[] = [];
  /** Address space that owns the set, 0 = none; and when it was last activated. */
  ownerAsId = 0;
  lastUse = 0;

  readonly u32: Uint32Array;
  /** Pages that cores may fill. */
  readonly fresh: FreshPages;
  readonly reserve: HeapReserve;

  constructor(shared: SharedMemory, readonly base: number) {
    this.u32 = shared.u32;
    this.readWord = (base + FLAT_SET.read) >>> 2;
    this.writeWord = (base + FLAT_SET.write) >>> 2;
    this.execWord = (base + FLAT_SET.exec) >>> 2;
    this.fresh = new FreshPages(shared, base);
    this.reserve = new HeapReserve(shared, base);
  }

  /** Cores may fill pages [firstPage, endPage). Preconditions: they have no entries, the page table has none of them, and all are private, anonymous and writable, not executable. */
  grant(firstPage: number, endPage: number): void {
    for (let chunk = firstPage >>> 10; chunk <= (endPage - 1) >>> 10; chunk++) this._touch(chunk);
    this.fresh.grant(firstPage, endPage);
  }

  /** Where cores should take the frames of a block of BLOCK_PAGES pages from: linear address; 0 = anywhere. */
  placeBlock(block: number, base: number): void {
    this.u32[(this.base + FLAT_SET.blocks) / 4 + block] = base;
  }

  /** Between the two cores make no new windows, and give up those that they are making. */
  beginWithdraw(): void {
    Atomics.add(this.u32, (this.base + FLAT_SET.windowVersion) / 4, 1);
  }

  endWithdraw(): void {
    Atomics.add(this.u32, (this.base + FLAT_SET.windowVersion) / 4, 1);
  }

  setRead(page: number, frame: number): void {
    this._touch(page >>> 10);
    this.u32[this.readWord + page] = frame - page * PAGE_SIZE - ADDEND_BIAS;
  }

  setWrite(page: number, frame: number): void {
    this._touch(page >>> 10);
    this.u32[this.writeWord + page] = frame - page * PAGE_SIZE - ADDEND_BIAS;
  }

  private _touch(chunk: number): void {
    if (this._touched[chunk] !== 0) return;
    this._touched[chunk] = 1;
    this._chunks.push(chunk);
  }

  /** Marks the page executable and not decoded, unless an entry is there already. */
  setExec(page: number, frame: number): void {
    this._touch(page >>> 10);
    if (this.u32[this.execWord + page] === 0) this.u32[this.execWord + page] = frame | 1;
  }

  /** Entry of the write table; 0 outside of it. */
  writeEntry(page: number): number {
    return page >= 0 && page < LOW_PAGES ? this.u32[this.writeWord + page]! : 0;
  }

  hasRead(page: number): boolean {
    return this.u32[this.readWord + page] !== 0;
  }

  hasWrite(page: number): boolean {
    return this.u32[this.writeWord + page] !== 0;
  }

  hasExec(page: number): boolean {
    return this.u32[this.execWord + page] !== 0;
  }

  /** Clears the chosen tables for [firstPage, endPage); true when an entry was lost, so that a shootdown is due. */
  clear(firstPage: number, endPage: number, which: number): boolean {
    let lost = false;
    let lostExec = false;
    const end = Math.min(endPage, LOW_PAGES);
    for (let page = firstPage; page < end; ) {
      const chunkEnd = Math.min(end, (page & -CHUNK_ENTRIES) + CHUNK_ENTRIES);
      if (this._touched[page >>> 10] !== 0) {
        if (which & Flat.READ) lost = this._clearWords(this.readWord + page, this.readWord + chunkEnd) || lost;
        if (which & Flat.WRITE) lost = this._clearWords(this.writeWord + page, this.writeWord + chunkEnd) || lost;
        if (which & Flat.EXEC) lostExec = this._clearWords(this.execWord + page, this.execWord + chunkEnd) || lostExec;
      }
      page = chunkEnd;
    }
    if (lostExec) Atomics.add(this.u32, EXEC_VERSION, 1);
    return lost || lostExec;
  }

  /** Takes over the read and execute entries of another set. Precondition: this set is empty. */
  copyReadable(from: FlatTables): void {
    for (const chunk of from._chunks) {
      this._touch(chunk);
      const at = chunk * CHUNK_ENTRIES;
      this.u32.copyWithin(this.readWord + at, from.readWord + at, from.readWord + at + CHUNK_ENTRIES);
      this.u32.copyWithin(this.execWord + at, from.execWord + at, from.execWord + at + CHUNK_ENTRIES);
    }
  }

  /** Clears everything. Precondition: the owner has taken over what cores filled. */
  reset(): void {
    this.fresh.revoke(this.ownerAsId, 0, LOW_PAGES, (page) => { throw new Invariant(`page ${page} was filled by a core and is lost`); });
    for (const chunk of this._chunks) {
      const at = chunk * CHUNK_ENTRIES;
      for (const word of [this.readWord, this.writeWord, this.execWord]) this.u32.fill(0, word + at, word + at + CHUNK_ENTRIES);
      this._touched[chunk] = 0;
    }
    this._chunks.length = 0;
    Atomics.add(this.u32, EXEC_VERSION, 1);
  }

  private _clearWords(from: number, to: number): boolean {
    const { u32 } = this;
    let lost = false;
    for (let i = from; i < to; i++) {
      if (u32[i] === 0) continue;
      u32[i] = 0;
      lost = true;
    }
    return lost;
  }
}

/** The sets of one kernel. Sets are made on demand up to `maxSets`, then taken from the owner that ran least recently. */
export class FlatTablePool {
  private readonly _sets: FlatTables[] = [];
  /** An always empty set: tasks whose address space lost its tables fault on every access until they get new ones. */
  readonly empty: FlatTables;
  private _clock = 0;

  constructor(readonly frames: FramePool, readonly maxSets: number) {
    this.empty = this._make();
  }

  /** A cleared set without owner, or the least recently used one that `mayTake` allows (its owner is told by the caller), or null. */
  acquire(mayTake: (tables: FlatTables) => boolean): FlatTables | null {
    const free = this._sets.find((set) => set.ownerAsId === 0);
    if (free !== undefined) return free;
    if (this._sets.length < this.maxSets) {
      const base = this.frames.allocChunk(FLAT_SET_BYTES);
      if (base !== 0) {
        const made = new FlatTables(this.frames.shared, base);
        this._sets.push(made);
        return made;
      }
    }
    let victim: FlatTables | null = null;
    for (const set of this._sets) if ((victim === null || set.lastUse < victim.lastUse) && mayTake(set)) victim = set;
    return victim;
  }

  touch(tables: FlatTables): void {
    tables.lastUse = ++this._clock;
  }

  release(tables: FlatTables): void {
    tables.reset();
    tables.ownerAsId = 0;
  }

  private _make(): FlatTables {
    return new FlatTables(this.frames.shared, this.frames.allocChunk(FLAT_SET_BYTES));
  }
}
