/**
 * The pages of one file: frames of the shared memory by page index. Missing pages read as zero.
 * Mappings, read and write all use these frames, so they always agree.
 *
 * Owns: one reference on each frame it holds.
 */
import { Errno, type FramePool, PAGE_SIZE } from '@troupe/abi';
import type { Mappable, PageMapper } from './types.js';

export class FilePages {
  private readonly _frames = new Map<number, number>();
  readonly mappers = new Set<PageMapper>();

  constructor(readonly pool: FramePool) {}

  get count(): number {
    return this._frames.size;
  }

  /** Frame of the page, or 0. */
  peek(index: number): number {
    return this._frames.get(index) ?? 0;
  }

  /** Frame of the page, made (zeroed) when missing; 0 = out of memory. */
  take(index: number): number {
    const present = this._frames.get(index);
    if (present !== undefined) return present;
    const frame = this.pool.alloc();
    if (frame !== 0) this._frames.set(index, frame);
    return frame;
  }

  /** Gives the reference of `frame` to the cache. */
  put(index: number, frame: number): void {
    this._frames.set(index, frame);
  }

  drop(index: number): void {
    const frame = this._frames.get(index);
    if (frame === undefined) return;
    this._frames.delete(index);
    this.pool.decRef(frame);
  }

  indexes(): IterableIterator<number> {
    return this._frames.keys();
  }

  /** Copies bytes out; missing pages are zeros. The range must lie inside the file. Returns 0, or -EIO when a page is lost. */
  read(dst: Uint8Array, offBytes: number): number {
    const { u8 } = this.pool.shared;
    for (let done = 0; done < dst.length;) {
      const at = offBytes + done;
      const inPage = at % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - inPage, dst.length - done);
      const frame = this._frames.get((at - inPage) / PAGE_SIZE);
      if (frame === undefined) dst.fill(0, done, done + count);
      else if (!this.pool.bring(frame)) return -Errno.EIO;
      else dst.set(u8.subarray(frame + inPage, frame + inPage + count), done);
      done += count;
    }
    return 0;
  }

  /** Copies bytes in; the count (short when memory runs out or a page is lost), -ENOSPC or -EIO. */
  write(src: Uint8Array, offBytes: number): number {
    const { u8 } = this.pool.shared;
    let done = 0;
    while (done < src.length) {
      const at = offBytes + done;
      const inPage = at % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - inPage, src.length - done);
      const frame = this.take((at - inPage) / PAGE_SIZE);
      if (frame === 0) return done > 0 ? done : -Errno.ENOSPC;
      if (!this.pool.bring(frame)) return done > 0 ? done : -Errno.EIO;
      this.pool.onWrite?.(frame);
      u8.set(done === 0 && count === src.length ? src : src.subarray(done, done + count), frame + inPage);
      done += count;
    }
    return done;
  }

  /** Drops whole pages past the new end, zeroes the tail of the last one and unmaps what is gone. */
  shrink(file: Mappable, sizeBytes: number): void {
    const first = Math.ceil(sizeBytes / PAGE_SIZE);
    this._unmap(file, first, Number.MAX_SAFE_INTEGER);
    if (this._frames.size > 0) for (const index of [...this._frames.keys()]) if (index >= first) this.drop(index);
    const tail = sizeBytes % PAGE_SIZE;
    if (tail !== 0) this._zeroInPage(first - 1, tail, PAGE_SIZE);
  }

  /** Makes [off, end) read as zero, freeing whole pages. */
  punch(file: Mappable, offBytes: number, endBytes: number): void {
    const first = Math.ceil(offBytes / PAGE_SIZE);
    const end = Math.floor(endBytes / PAGE_SIZE);
    const head = offBytes % PAGE_SIZE;
    const tail = endBytes % PAGE_SIZE;
    if (first > end) return this._zeroInPage(end, head, tail);
    if (head !== 0) this._zeroInPage(first - 1, head, PAGE_SIZE);
    if (tail !== 0) this._zeroInPage(end, 0, tail);
    this._unmap(file, first, end);
    for (const index of [...this._frames.keys()]) if (index >= first && index < end) this.drop(index);
  }

  /** Frees everything. */
  clear(): void {
    for (const frame of this._frames.values()) this.pool.decRef(frame);
    this._frames.clear();
  }

  /** First byte with (or without) storage at or after `offBytes`, below `sizeBytes`; -ENXIO when none. */
  seek(offBytes: number, sizeBytes: number, hole: boolean): number {
    if (offBytes < 0 || offBytes >= sizeBytes) return -Errno.ENXIO;
    const end = Math.ceil(sizeBytes / PAGE_SIZE);
    let index = Math.floor(offBytes / PAGE_SIZE);
    if (hole) {
      while (index < end && this._frames.has(index)) index++;
    } else {
      let nearest = end;
      for (const present of this._frames.keys()) if (present >= index && present < nearest) nearest = present;
      if (nearest >= end) return -Errno.ENXIO;
      index = nearest;
    }
    return Math.min(Math.max(offBytes, index * PAGE_SIZE), sizeBytes);
  }

  private _zeroInPage(index: number, from: number, to: number): void {
    const frame = this._frames.get(index);
    if (frame === undefined || !this.pool.bring(frame)) return;
    this.pool.onWrite?.(frame);
    this.pool.shared.u8.fill(0, frame + from, frame + to);
  }

  private _unmap(file: Mappable, first: number, end: number): void {
    if (this.mappers.size > 0) for (const mapper of [...this.mappers]) mapper.unmapPages(file, first, end);
  }
}
