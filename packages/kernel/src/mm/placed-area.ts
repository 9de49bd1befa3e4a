/**
 * A part of an address space whose private pages get frames in the order of the pages, as far as those are free;
 * and in it the longest known run of pages that are present, writable and placed so: a memory window.
 *
 * Owns: one reservation of FrameArenas. What the run says of the flat tables is withdrawn before their entries are.
 */
import { ADDEND_BIAS, PAGE_SIZE } from '@troupe/abi';
import type { FlatTables } from './flat-tables.js';
import { GRANULE_PAGES, type FrameArenas } from './frame-arenas.js';

/** Where the reservation lies, seen from the page that is touched first. */
export type Growth = 'up' | 'down';

export class PlacedArea {
  /** Linear address of the frame of the area's first page; 0 = nothing reserved. */
  private _base = 0;
  private _firstPage = 0;
  private _granules = 0;
  private _isRefused = false;
  /** The run: pages [first, end). */
  first = 0;
  end = 0;

  constructor(readonly growth: Growth, readonly sizes: readonly number[]) {}

  /** Value of the flat tables' entries of the run. */
  get entry(): number {
    return (this._base - this._firstPage * PAGE_SIZE - ADDEND_BIAS) >>> 0;
  }

  /** The frame for a page, or 0 when the area has none for it; reserves when first asked. */
  frameOf(page: number, arenas: FrameArenas): number {
    if (this._base === 0 && !this._isRefused) this._reserve(page, arenas);
    const at = page - this._firstPage;
    return this._base !== 0 && at >= 0 && at < this._granules * GRANULE_PAGES ? this._base + at * PAGE_SIZE : 0;
  }

  private _reserve(page: number, arenas: FrameArenas): void {
    for (const granules of this.sizes) {
      this._base = arenas.reserve(granules);
      if (this._base === 0) continue;
      this._granules = granules;
      const granule = Math.floor(page / GRANULE_PAGES) * GRANULE_PAGES;
      this._firstPage = this.growth === 'up' ? granule : Math.max(0, granule + GRANULE_PAGES - granules * GRANULE_PAGES);
      return;
    }
    this._isRefused = true;
  }

  release(arenas: FrameArenas): void {
    if (this._base !== 0) arenas.release(this._base, this._granules);
    this._base = 0;
    this.forget();
  }

  forget(): void {
    this.first = this.end = 0;
  }

  /** A page was mapped for writing: it may lengthen the run, or belong to a longer one. */
  grow(page: number, tables: FlatTables): void {
    const { entry } = this;
    if (this._base === 0 || page < this._firstPage || page >= this._firstPage + this._granules * GRANULE_PAGES || tables.writeEntry(page) !== entry) return;
    const touches = page >= this.first - 1 && page <= this.end && this.end > this.first;
    let first = touches ? Math.min(page, this.first) : page;
    let end = touches ? Math.max(page + 1, this.end) : page + 1;
    while (tables.writeEntry(end) === entry) end++;
    while (tables.writeEntry(first - 1) === entry) first--;
    if (end - first <= this.end - this.first) return;
    this.first = first;
    this.end = end;
  }

  /** Pages [first, end) lose their entries: the longer of the two remaining parts stays. */
  shrink(first: number, end: number): void {
    if (this.end <= first || this.first >= end) return;
    if (first - this.first >= this.end - end) this.end = Math.max(first, this.first);
    else this.first = Math.min(end, this.end);
  }
}
