import type { FlatTables } from './flat-tables.js';

/** Pages looked at on each side of one that is mapped. */
const MAX_REACH_PAGES = 16384;

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
  static around(page: number, tables: FlatTables, reach: number): PageRun {
    const entry = tables.writeEntry(page);
    if (entry === 0) return new PageRun();
    let [first, end] = [page, page + 1];
    while (end - page < reach && tables.writeEntry(end) === entry) end++;
    while (page - first < reach && tables.writeEntry(first - 1) === entry) first--;
    return new PageRun(first, end, entry);
  }

  has(page: number): boolean {
    return page >= this.first && page < this.end;
  }

  /** A page was mapped for writing: it may lengthen the run, or belong to a longer one. */
  grow(page: number, tables: FlatTables): void {
    const entry = tables.writeEntry(page);
    if (entry === 0) return;
    const isSame = (at: number): boolean => tables.writeEntry(at) === entry;
    const isOurs = (at: number): boolean => entry === this.entry && this.has(at);
    let [first, end] = isOurs(page) ? [this.first, this.end] : [page, page + 1];
    while (end - page < MAX_REACH_PAGES && isSame(end)) end = isOurs(end) ? this.end : end + 1;
    while (page - first < MAX_REACH_PAGES && isSame(first - 1)) first = isOurs(first - 1) ? this.first : first - 1;
    if (end - first <= this.end - this.first) return;
    this.first = first;
    this.end = end;
    this.entry = entry;
  }

  /** Pages [first, end) lose their entries: the longer of the two remaining parts stays. */
  shrink(first: number, end: number): void {
    if (this.end <= first || this.first >= end) return;
    if (first - this.first >= this.end - end) this.end = Math.max(first, this.first);
    else this.first = Math.min(end, this.end);
    if (this.end <= this.first) this.first = this.end = this.entry = 0;
  }
}
