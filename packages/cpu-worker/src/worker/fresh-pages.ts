/**
 * First writes to private anonymous memory that a core answers without the kernel: where the kernel has set the page's
 * fresh bit, the core puts a zeroed frame there, with some neighbours (kernel mm/fresh-pages.ts, ADR 34).
 *
 *   Owns:     TCB.freshFaults of the task that runs; its windows, which the kernel may empty at any time
 *   Borrows:  fresh bits (Atomics.and: who clears one fills the page), read and write entries of pages it has claimed,
 *             FLAT_SET.filled (Atomics.add); frames of the pool
 *   Order:    frames are taken before bits, so that a claimed page is always filled; zeros before entries; the write
 *             entry last, by which the kernel sees that the page is filled. All of it in guest code (inGuest), so that the
 *             kernel can tell a core that is filling from one that died
 */
import { CoreBlock, coreBlockAddr, CoreCounter } from '@troupe/abi/layout/header.js';
import { ADDEND_BIAS, BLOCK_PAGES, FLAT_SET, LOW_PAGES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { windowOffset, windowOfPage } from '@troupe/abi/layout/memory-windows.js';
import { PfCode, TCB, Vector } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import { FreshBatch, hasPageBit, lowestPage, pageBits } from '@troupe/abi/shared/page-map.js';
import { PageRun } from '@troupe/abi/shared/page-run.js';
import { addToU64, zeroMemory, type SharedMemory } from '@troupe/abi/shared/shared-memory.js';

const WRITE_FAULT = PfCode.USER | PfCode.WRITE;

export class FreshPages {
  readonly #counter: number;
  /** Page at which a run would go on, and how many are filled then. */
  #next = -1;
  #batch: number = FreshBatch.GROUP_PAGES;
  readonly #frames: number[] = [];

  constructor(readonly shared: SharedMemory, readonly pool: FramePool, coreId: number) {
    this.#counter = (coreBlockAddr(coreId) + CoreBlock.off.counters + CoreCounter.indexOf('inCoreFaults') * 8) >>> 2;
  }

  /** The task left guest code with an exception: true when the page is there now. */
  answer(tcb: number): boolean {
    const { u32 } = this.shared;
    const map = u32[(tcb + TCB.off.freshMap) >>> 2]! >>> 2;
    const addr = (tcb + TCB.off.trapAddr) >>> 2;
    if (map === 0 || u32[(tcb + TCB.off.trapVector) >>> 2] !== Vector.PF || u32[(tcb + TCB.off.trapErrorCode) >>> 2] !== WRITE_FAULT || u32[addr + 1] !== 0) return false;
    const page = u32[addr]! >>> 12;
    if (!hasPageBit(u32, map, page)) return false;
    const first = this.#start(page);
    const versionAt = map + (FLAT_SET.windowVersion - FLAT_SET.fresh) / 4;
    const version = Atomics.load(u32, versionAt);
    const end = Math.max(page + 1, first + this.#batch);
    const [from, to] = this.#belowBreak(map, page, this.#bridge(map, first, -1), this.#bridge(map, end - 1, 1) + 1);
    if (from >= to || !this.#fill(map, page, from, to)) return false;
    if ((version & 1) === 0) this.#growWindow(tcb, map, page, () => Atomics.load(u32, versionAt) === version);
    u32[(tcb + TCB.off.freshFaults) >>> 2]!++;
    addToU64(u32, this.#counter, 1);
    return true;
  }

  /**
   * The task's window (layout/memory-windows.ts) takes in what was filled, or becomes the run of pages around it if that is
   * longer. `isCurrent`: nothing was withdrawn since before the pages were claimed; otherwise the window may have more
   * than it should.
   */
  #growWindow(tcb: number, map: number, page: number, isCurrent: () => boolean): void {
    const { u32 } = this.shared;
    const table = map - (FLAT_SET.fresh - FLAT_SET.write) / 4;
    const window = tcb + windowOffset(windowOfPage(page));
    const run = PageRun.ofWindow(u32, window);
    const { sizePages } = run;
    run.grow(page, { writeEntry: (at) => (at >= 0 && at < LOW_PAGES ? u32[table + at]! : 0) });
    if (run.sizePages === sizePages) return;
    run.toWindow(u32, window);
    if (!isCurrent()) new PageRun().toWindow(u32, window);
  }

  /** First page of the batch of a fault. */
  #start(page: number): number {
    const isRun = page >= this.#next && page < this.#next + FreshBatch.REACH_PAGES;
    const first = isRun ? this.#next : page & -FreshBatch.GROUP_PAGES;
    this.#batch = isRun ? Math.min(FreshBatch.MAX_PAGES, this.#batch * 2) : FreshBatch.GROUP_PAGES;
    return first;
  }

  /** From a page in a direction to the last fresh page before one that is there already, if that is near: small gaps would part the windows. */
  #bridge(map: number, page: number, step: number): number {
    for (let n = 1; n <= FreshBatch.BRIDGE_PAGES; n++) {
      const at = page + n * step;
      if (at < 0 || at >= LOW_PAGES) return page;
      if (hasPageBit(this.shared.u32, map, at)) continue;
      return this.shared.u32[map - (FLAT_SET.fresh - FLAT_SET.write) / 4 + at] === 0 ? page : at - step;
    }
    return page;
  }

  /** What of [first, end) may be filled: not the room above the break (kernel mm/heap-reserve.ts). Empty when `page` is there. */
  #belowBreak(map: number, page: number, first: number, end: number): readonly [number, number] {
    const state = Atomics.load(this.shared.u64, map / 2 + (FLAT_SET.breakState - FLAT_SET.fresh) / 8);
    if (state === 0n) return [first, end];
    const endPage = Math.ceil(Number(state & 0xffff_ffffn) / PAGE_SIZE);
    const topPage = Number(state >> 44n);
    if (page < endPage) return [first, Math.min(end, endPage)];
    return page < topPage ? [page, page] : [Math.max(first, topPage), end];
  }

  /** Fills the fresh pages of [first, end), or `page` alone where memory is short; false when there is no frame. */
  #fill(map: number, page: number, first: number, end: number): boolean {
    const frames = this.#places(map, first, end);
    const wanted = frames.length;
    this.#next = this.#freshEnd(map, page, end);
    const got = this.pool.takeMany(frames);
    if (got === 0) return false;
    // The last one is for the first page.
    frames.length = got;
    frames.reverse();
    const [from, to] = got === wanted ? [first, end] : [page, page + 1];
    let filled = 0;
    for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) filled += this.#fillWord(map, word, pageBits(word, from, to));
    // Other threads have claimed some first.
    for (let frame = frames.pop(); frame !== undefined; frame = frames.pop()) this.pool.decRef(frame);
    Atomics.add(this.shared.i32, map + (FLAT_SET.filled - FLAT_SET.fresh) / 4, filled);
    return true;
  }

  /** First page after `page` that is not fresh, at most `end`. */
  #freshEnd(map: number, page: number, end: number): number {
    let at = page + 1;
    while (at < end && hasPageBit(this.shared.u32, map, at)) at++;
    return at;
  }

  /** Frames that the fresh pages of [first, end) should have. */
  #places(map: number, first: number, end: number): number[] {
    const { u32 } = this.shared;
    const places = this.#frames;
    places.length = 0;
    for (let page = first; page < end; page++) {
      if (!hasPageBit(u32, map, page)) continue;
      const base = u32[map + (FLAT_SET.blocks - FLAT_SET.fresh) / 4 + Math.floor(page / BLOCK_PAGES)]!;
      places.push(base === 0 ? 0 : base + (page % BLOCK_PAGES) * PAGE_SIZE);
    }
    return places;
  }

  /** Claims the pages that are still fresh, as many as there are frames, and fills them; their number. */
  #fillWord(map: number, word: number, mask: number): number {
    const { u32 } = this.shared;
    const wanted = this.#limit(u32[map + word]! & mask);
    let count = 0;
    for (let mine = Atomics.and(u32, map + word, ~wanted) & wanted; mine !== 0; mine &= mine - 1) {
      this.#put(map, lowestPage(word, mine), this.#frames.pop()!);
      count++;
    }
    return count;
  }

  /** The lowest bits, as many as there are frames: some may have been set since they were counted. */
  #limit(bits: number): number {
    let mask = 0;
    let rest = bits;
    for (let left = this.#frames.length; left > 0 && rest !== 0; left--) {
      mask |= rest & -rest;
      rest &= rest - 1;
    }
    return mask;
  }

  #put(map: number, page: number, frame: number): void {
    const { shared } = this;
    const entry = (frame - page * PAGE_SIZE - ADDEND_BIAS) >>> 0;
    zeroMemory(shared, frame, frame + PAGE_SIZE);
    shared.u32[map - (FLAT_SET.fresh - FLAT_SET.read) / 4 + page] = entry;
    Atomics.store(shared.u32, map - (FLAT_SET.fresh - FLAT_SET.write) / 4 + page, entry);
  }
}
