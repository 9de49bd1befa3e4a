/**
 * The memory windows of an address space (layout/memory-windows.ts): where its private pages are placed, and what its
 * tasks may use without a look at the page tables.
 *
 * Owns:   its areas; TCB.windows of its tasks
 * Order:  windows are taken back (`shrink`: `bytes` of running tasks set to 0) before entries are withdrawn; the
 *         shootdown that follows waits for the cores that may have copies
 */
import { MemoryWindow, PAGE_SIZE, TCB, WINDOW_ACCESS_BYTES, WindowKind, windowOffset } from '@troupe/abi';
import { LOW_PAGES, type FlatTables } from './flat-tables.js';
import type { FrameArenas } from './frame-arenas.js';
import { STACK_TOP } from './layout.js';
import { PlacedArea } from './placed-area.js';

/** Addresses below are of programs and their heaps, those above of mappings, then of the main stack. */
const MAPPINGS_PAGE = 0x7_0000;
const STACK_PAGE = STACK_TOP / PAGE_SIZE - 512;
const STACK_END_PAGE = STACK_TOP / PAGE_SIZE;
/** Pages looked at on each side of a stack pointer outside of the areas' runs. */
const STACK_REACH_PAGES = 64;
const RSP = 4;

/** What is known of the flat tables of an address space. */
export interface WindowedSpace {
  readonly tables: FlatTables | null;
  readonly tcbs: ReadonlySet<number>;
  readonly u32: Uint32Array;
}

interface Run {
  readonly first: number;
  readonly end: number;
  readonly entry: number;
}

const NO_RUN: Run = { first: 0, end: 0, entry: 0 };

export class AddressWindows {
  /** In granules: most programs get by with what comes first. */
  private readonly _data = new PlacedArea('up', [32, 4, 1]);
  private readonly _mappings = new PlacedArea('down', [32, 4, 1]);
  private readonly _stack = new PlacedArea('down', [1]);

  private _areaOf(page: number): PlacedArea | undefined {
    if (page < MAPPINGS_PAGE) return this._data;
    if (page >= STACK_PAGE && page < STACK_END_PAGE) return this._stack;
    return page < LOW_PAGES ? this._mappings : undefined;
  }

  /** The frame that a private page should have; 0 = any. */
  frameOf(page: number, arenas: FrameArenas): number {
    return this._areaOf(page)?.frameOf(page, arenas) ?? 0;
  }

  /** The page was mapped for writing. */
  grow(page: number, tables: FlatTables): void {
    this._areaOf(page)?.grow(page, tables);
  }

  /** Write entries of pages [first, end) are about to go. */
  shrink(space: WindowedSpace, first: number, end: number): void {
    for (const area of [this._data, this._mappings, this._stack]) area.shrink(first, end);
    for (const tcb of space.tcbs) {
      for (const kind of Object.values(WindowKind)) {
        const at = (tcb + windowOffset(kind)) >>> 2;
        const bytes = space.u32[at + MemoryWindow.off.bytes / 4]!;
        const start = space.u32[at + MemoryWindow.off.start / 4]!;
        if (bytes !== 0 && start < end * PAGE_SIZE && start + bytes + WINDOW_ACCESS_BYTES > first * PAGE_SIZE) space.u32[at + MemoryWindow.off.bytes / 4] = 0;
      }
    }
  }

  /** The address space has other flat tables, or none. */
  forget(space: WindowedSpace): void {
    this.shrink(space, 0, LOW_PAGES);
  }

  release(arenas: FrameArenas): void {
    for (const area of [this._data, this._mappings, this._stack]) area.release(arenas);
  }

  /** Writes the windows of a task that is about to run. */
  publish(space: WindowedSpace, tcb: number): void {
    const { u32, tables } = space;
    if (tables === null) {
      for (const kind of Object.values(WindowKind)) write(u32, tcb + windowOffset(kind), NO_RUN);
      return;
    }
    write(u32, tcb + windowOffset(WindowKind.DATA), this._data);
    write(u32, tcb + windowOffset(WindowKind.MAPPINGS), this._mappings);
    const stack = tcb + windowOffset(WindowKind.STACK);
    const rsp = u32[(tcb + TCB.off.gpr + RSP * 8) >>> 2]!;
    const isKnown = rsp - u32[(stack + MemoryWindow.off.start) >>> 2]! < u32[(stack + MemoryWindow.off.bytes) >>> 2]! && rsp >= u32[(stack + MemoryWindow.off.start) >>> 2]!;
    const page = Math.floor(rsp / PAGE_SIZE);
    const area = this._areaOf(page);
    if (area !== undefined && page >= area.first && page < area.end) write(u32, stack, area);
    else if (!isKnown) write(u32, stack, runAround(tables, page));
  }
}

/** Pages around a stack pointer that are mapped for writing and lie in order. */
function runAround(tables: FlatTables, page: number): Run {
  const entry = tables.writeEntry(page);
  if (entry === 0) return NO_RUN;
  let [first, end] = [page, page + 1];
  while (first > page - STACK_REACH_PAGES && tables.writeEntry(first - 1) === entry) first--;
  while (end < page + STACK_REACH_PAGES && tables.writeEntry(end) === entry) end++;
  return { first, end, entry };
}

function write(u32: Uint32Array, window: number, { first, end, entry }: Run): void {
  const at = window >>> 2;
  u32[at + MemoryWindow.off.start / 4] = first * PAGE_SIZE;
  u32[at + MemoryWindow.off.bytes / 4] = end > first ? (end - first) * PAGE_SIZE - (WINDOW_ACCESS_BYTES - 1) : 0;
  u32[at + MemoryWindow.off.entry / 4] = entry;
}
