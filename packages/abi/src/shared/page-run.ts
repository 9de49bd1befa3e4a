import { PAGE_SIZE } from '../layout/memory-map.js';
import { MemoryWindow, WINDOW_ACCESS_BYTES, WINDOW_SLACK_BYTES } from '../layout/memory-windows.js';

/** Pages looked at on each side of one that is mapped. */
const MAX_REACH_PAGES = 16384;

/** A table of entries for writing: 0 = not mapped, or no page. */
export interface WriteEntries {
  writeEntry(page: number): number;
}

/**
 * Pages [first, end) that are mapped for writing and whose frames lie in the same order: their entries in the write
 * table are the same. Whoever withdraws entries shrinks the run before.
 */
export class PageRun {
  constructor(
    public first = 0,
    public end = 0,
    /** Of the flat tables; 0 when the run is empty. */
    public entry = 0,
  ) {}

  /** The run of a page with at most `reach` pages on each side. */
  static around(page: number, tables: WriteEntries, reach: number): PageRun {
    const run = new PageRun();
    run.grow(page, tables, reach);
    return run;
  }

  /** What a window of a task says (layout/memory-windows.ts). */
  static ofWindow(u32: Uint32Array, window: number): PageRun {
    const at = window >>> 2;
    const bytes = Atomics.load(u32, at + MemoryWindow.off.bytes / 4);
    if (bytes === 0) return new PageRun();
    const first = (u32[at + MemoryWindow.off.start / 4]! - WINDOW_SLACK_BYTES) / PAGE_SIZE;
    return new PageRun(first, first + Math.ceil((bytes + 2 * WINDOW_SLACK_BYTES) / PAGE_SIZE), u32[at + MemoryWindow.off.entry / 4]!);
  }

  /** Makes it a window of a task. `bytes` is written last. */
  toWindow(u32: Uint32Array, window: number): void {
    const at = window >>> 2;
    Atomics.store(u32, at + MemoryWindow.off.bytes / 4, 0);
    if (this.end <= this.first) return;
    u32[at + MemoryWindow.off.start / 4] = startOf(this);
    u32[at + MemoryWindow.off.entry / 4] = this.entry;
    Atomics.store(u32, at + MemoryWindow.off.bytes / 4, bytesOf(this));
  }

  /** The window says just this. */
  isWindow(u32: Uint32Array, window: number): boolean {
    const at = window >>> 2;
    return u32[at + MemoryWindow.off.bytes / 4] === bytesOf(this) && (this.end === this.first || (u32[at + MemoryWindow.off.start / 4] === startOf(this) && u32[at + MemoryWindow.off.entry / 4] === this.entry));
  }

  get sizePages(): number {
    return this.end - this.first;
  }

  /** Becomes the other one when that is longer. */
  adopt(other: PageRun): void {
    if (other.sizePages <= this.sizePages) return;
    this.first = other.first;
    this.end = other.end;
    this.entry = other.entry;
  }

  has(page: number): boolean {
    return page >= this.first && page < this.end;
  }

  /** A page was mapped for writing: it may lengthen the run, or belong to a longer one. */
  grow(page: number, tables: WriteEntries, reach = MAX_REACH_PAGES): void {
    const entry = tables.writeEntry(page);
    if (entry === 0) return;
    const isSame = (at: number): boolean => tables.writeEntry(at) === entry;
    const isOurs = (at: number): boolean => entry === this.entry && this.has(at);
    let [first, end] = isOurs(page) ? [this.first, this.end] : [page, page + 1];
    while (end - page < reach && isSame(end)) end = isOurs(end) ? this.end : end + 1;
    while (page - first < reach && isSame(first - 1)) first = isOurs(first - 1) ? this.first : first - 1;
    this.adopt(new PageRun(first, end, entry));
  }

  /** Pages [first, end) lose their entries: the longer of the two remaining parts stays. */
  shrink(first: number, end: number): void {
    if (this.end <= first || this.first >= end) return;
    if (first - this.first >= this.end - end) this.end = Math.max(first, this.first);
    else this.first = Math.min(end, this.end);
    if (this.end <= this.first) this.first = this.end = this.entry = 0;
  }
}

/** Values of a window's `start` and `bytes`. */
function startOf({ first }: PageRun): number {
  return first * PAGE_SIZE + WINDOW_SLACK_BYTES;
}

function bytesOf({ first, end }: PageRun): number {
  return end > first ? (end - first) * PAGE_SIZE - 2 * WINDOW_SLACK_BYTES - (WINDOW_ACCESS_BYTES - 1) : 0;
}
