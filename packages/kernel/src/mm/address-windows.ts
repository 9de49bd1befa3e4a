/**
 * The memory windows of an address space (layout/memory-windows.ts): where its private pages are placed, and which of
 * them its tasks may use without a look at the page tables.
 *
 * Owns:   its reservations of FrameArenas; TCB.windows of its tasks
 * Order:  windows are taken back (`shrink`: `bytes` of running tasks set to 0) before entries are withdrawn; the
 *         shootdown that follows waits for the cores that may have copies
 */
import { BLOCK_PAGES, LOW_PAGES, MemoryWindow, PAGE_SHIFT, PAGE_SIZE, PageRun, TCB, WindowKind, windowOffset, windowOfPage } from '@troupe/abi';
import type { FlatTables } from './flat-tables.js';
import { BLOCK_BYTES, type FrameArenas } from './frame-arenas.js';
import { STACK_TOP } from './layout.js';

/** Pages looked at on each side of a stack pointer that is in no known run. */
const STACK_REACH_PAGES = 64;
const RSP = 4;
const DATA = windowOffset(WindowKind.DATA);
const MAPPINGS = windowOffset(WindowKind.MAPPINGS);
const STACK = windowOffset(WindowKind.STACK);

/** What is used of an address space. */
export interface WindowedSpace {
  readonly tables: FlatTables | null;
  readonly tcbs: ReadonlySet<number>;
  readonly u32: Uint32Array;
}

export class AddressWindows {
  /** Linear addresses of reserved blocks by page / BLOCK_PAGES; 0 = there was none to be had. */
  private readonly _blocks = new Map<number, number>();
  private readonly _data = new PageRun();
  private readonly _mappings = new PageRun();
  private readonly _stack = new PageRun();

  private _runOf(page: number): PageRun {
    const kind = windowOfPage(page);
    return kind === WindowKind.DATA ? this._data : kind === WindowKind.MAPPINGS ? this._mappings : this._stack;
  }

  /** The frame that a private page should have, so that it lies behind those of the pages before it; 0 = any. */
  frameOf(page: number, arenas: FrameArenas): number {
    if (page >= LOW_PAGES || page * PAGE_SIZE >= STACK_TOP) return 0;
    const block = Math.floor(page / BLOCK_PAGES);
    let base = this._blocks.get(block);
    if (base === undefined) this._blocks.set(block, (base = arenas.reserve(this._besides(block))));
    return base === 0 ? 0 : base + (page % BLOCK_PAGES) * PAGE_SIZE;
  }

  private _besides(block: number): number {
    const below = this._blocks.get(block - 1) ?? 0;
    if (below !== 0) return below + BLOCK_BYTES;
    const above = this._blocks.get(block + 1) ?? 0;
    return above === 0 ? 0 : above - BLOCK_BYTES;
  }

  release(arenas: FrameArenas): void {
    for (const base of this._blocks.values()) if (base !== 0) arenas.release(base);
    this._blocks.clear();
  }

  /** The page was mapped for writing. */
  grow(page: number, tables: FlatTables): void {
    this._runOf(page).grow(page, tables);
  }

  /** Where the frames of a block of pages should lie: linear address; 0 = anywhere. */
  baseOf(block: number, arenas: FrameArenas): number {
    return this.frameOf(block * BLOCK_PAGES, arenas);
  }

  /** Write entries of pages [first, end) are about to go. */
  shrink({ tcbs, u32 }: WindowedSpace, first: number, end: number): void {
    this._data.shrink(first, end);
    this._mappings.shrink(first, end);
    this._stack.shrink(first, end);
    for (const tcb of tcbs) {
      takeBack(u32, tcb + DATA, first, end);
      takeBack(u32, tcb + MAPPINGS, first, end);
      takeBack(u32, tcb + STACK, first, end);
    }
  }

  /** The address space has other flat tables, or none. */
  forget(space: WindowedSpace): void {
    this.shrink(space, 0, LOW_PAGES);
  }

  /** The task has not used the address space before. */
  reset(u32: Uint32Array, tcb: number): void {
    for (const window of [DATA, MAPPINGS, STACK]) clearWindow(u32, tcb + window);
  }

  /** Writes the windows of a task that is about to run; the core may have made them longer. Most often they say all there is to say. */
  publish({ u32, tables }: WindowedSpace, tcb: number): void {
    if (tables === null) return this.reset(u32, tcb);
    share(u32, tcb + DATA, this._data);
    share(u32, tcb + MAPPINGS, this._mappings);
    const stack = tcb + STACK;
    const page = u32[(tcb + TCB.off.gpr + RSP * 8) >>> 2]! >>> PAGE_SHIFT;
    const run = this._runOf(page);
    if (run.isWindow(u32, stack) && run.has(page)) return;
    const known = PageRun.ofWindow(u32, stack);
    if (known.sizePages > 0 && windowOfPage(known.first) === WindowKind.STACK) this._stack.adopt(known);
    if (run.has(page)) run.toWindow(u32, stack);
    else if (!known.has(page)) PageRun.around(page, tables, STACK_REACH_PAGES).toWindow(u32, stack);
  }
}

/** The window says what the run does, or the other way round where it is longer. */
function share(u32: Uint32Array, window: number, run: PageRun): void {
  if (run.isWindow(u32, window)) return;
  run.adopt(PageRun.ofWindow(u32, window));
  run.toWindow(u32, window);
}

/** Empties a window that has one of the pages [first, end). */
function takeBack(u32: Uint32Array, window: number, first: number, end: number): void {
  const run = PageRun.ofWindow(u32, window);
  if (run.first < end && run.end > first) clearWindow(u32, window);
}

function clearWindow(u32: Uint32Array, window: number): void {
  Atomics.store(u32, (window + MemoryWindow.off.bytes) >>> 2, 0);
}
