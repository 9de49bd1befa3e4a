/**
 * The mappings of one address space: sorted, disjoint, maximally merged. Every Vma in the set holds
 * one reference on its file; a Vma handed to `insert` brings its reference along, a Vma handed out
 * by `removeRange` takes it away.
 */
import type { Vma } from './vma.js';

export class VmaSet {
  private readonly _list: Vma[] = [];
  /** Sum of the sizes. */
  bytes = 0;
  private _hint = 0;

  get count(): number {
    return this._list.length;
  }

  [Symbol.iterator](): Iterator<Vma> {
    return this._list[Symbol.iterator]();
  }

  at(index: number): Vma | undefined {
    return this._list[index];
  }

  /** Index of the first mapping that ends after `addr`. */
  indexAfter(addr: number): number {
    const list = this._list;
    const hint = this._hint;
    if (hint < list.length && list[hint]!.end > addr && (hint === 0 || list[hint - 1]!.end <= addr)) return hint;
    let lo = 0;
    let hi = list.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (list[mid]!.end > addr) hi = mid;
      else lo = mid + 1;
    }
    this._hint = lo;
    return lo;
  }

  /** The mapping that contains `addr`. */
  find(addr: number): Vma | undefined {
    const vma = this._list[this.indexAfter(addr)];
    return vma !== undefined && vma.start <= addr ? vma : undefined;
  }

  /** The first mapping that ends after `addr` (contains it or lies above). */
  findAfter(addr: number): Vma | undefined {
    return this._list[this.indexAfter(addr)];
  }

  isFree(start: number, end: number): boolean {
    const next = this.findAfter(start);
    return next === undefined || next.start >= end;
  }

  /** True when every byte of the range is mapped. */
  covers(start: number, end: number): boolean {
    let at = start;
    for (let i = this.indexAfter(start); at < end; i++) {
      const vma = this._list[i];
      if (vma === undefined || vma.start > at) return false;
      at = vma.end;
    }
    return true;
  }

  /** Mappings that overlap the range, in order. The list is a copy. */
  overlapping(start: number, end: number): Vma[] {
    const found: Vma[] = [];
    for (let i = this.indexAfter(start); i < this._list.length && this._list[i]!.start < end; i++) found.push(this._list[i]!);
    return found;
  }

  /** Adds a mapping; its range must be free. Returns the Vma that now contains it. */
  insert(vma: Vma): Vma {
    const index = this.indexAfter(vma.start);
    this._list.splice(index, 0, vma);
    this.bytes += vma.sizeBytes;
    return this._merge(index);
  }

  /** Grows the start of a mapping downwards; the added range must be free. */
  growDown(vma: Vma, newStart: number): void {
    this.bytes += vma.start - newStart;
    if (vma.file !== null) vma.offset -= vma.start - newStart;
    vma.start = newStart;
  }

  /** Takes the range out and returns the removed pieces, in order. */
  removeRange(start: number, end: number): Vma[] {
    this._splitAt(start);
    this._splitAt(end);
    const first = this.indexAfter(start);
    let last = first;
    while (last < this._list.length && this._list[last]!.start < end) this.bytes -= this._list[last++]!.sizeBytes;
    return this._list.splice(first, last - first);
  }

  /** Changes the attributes of every mapped piece of the range; splits and merges as needed. */
  update(start: number, end: number, change: (piece: Vma) => void): void {
    this._splitAt(start);
    this._splitAt(end);
    const first = this.indexAfter(start);
    let last = first;
    while (last < this._list.length && this._list[last]!.start < end) change(this._list[last++]!);
    for (let i = last; i >= first; i--) this._mergeWithNext(i);
    if (first > 0) this._mergeWithNext(first - 1);
  }

  /** Highest free range of `sizeBytes` in [low, high) (all page-aligned), or -1. */
  findFreeTopDown(sizeBytes: number, low: number, high: number): number {
    let top = high;
    for (let i = this.indexAfter(high - 1); i >= 0; i--) {
      const vma = this._list[i];
      if (vma === undefined || vma.start >= top) continue;
      if (top - Math.max(vma.end, low) >= sizeBytes) return top - sizeBytes;
      top = Math.min(top, vma.start);
      if (top - low < sizeBytes) return -1;
    }
    return top - low >= sizeBytes ? top - sizeBytes : -1;
  }

  private _splitAt(addr: number): void {
    const index = this.indexAfter(addr);
    const vma = this._list[index];
    if (vma === undefined || vma.start >= addr) return;
    const upper = vma.clone();
    upper.start = addr;
    if (vma.file !== null) upper.offset = vma.offset + (addr - vma.start);
    vma.end = addr;
    vma.file?.incRef();
    this._list.splice(index + 1, 0, upper);
  }

  private _merge(index: number): Vma {
    this._mergeWithNext(index);
    if (index > 0 && this._mergeWithNext(index - 1)) return this._list[index - 1]!;
    return this._list[index]!;
  }

  private _mergeWithNext(index: number): boolean {
    const vma = this._list[index];
    const next = this._list[index + 1];
    if (vma === undefined || next === undefined || !vma.joins(next)) return false;
    vma.end = next.end;
    next.file?.decRef();
    this._list.splice(index + 1, 1);
    return true;
  }
}
