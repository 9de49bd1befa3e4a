/**
 * Bounds the frames that caches of host files hold. Only clean pages that nobody maps can go; files give
 * them up in the order of their last use.
 *
 * Owns: the order of the files and the page count.
 */
import type { FramePool } from '@troupe/abi';

/** Pages given back at once, so that eviction is not done page by page. */
const RECLAIM_PAGES = 1024;

/** A file that caches pages. */
export interface CachedFile {
  /** Drops clean pages nobody maps; `keepNear`: but not those around the page that was used last. Returns how many. */
  evict(keepNear: boolean): number;
  readonly cachedPages: number;
}

export class HostPageCache {
  private readonly _files = new Set<CachedFile>();
  private _pages = 0;
  /** Files used last: a page that was just handed out may not have its second reference yet. */
  private readonly _recent: (CachedFile | null)[] = [null, null, null, null];

  /** Also gives pages back when the pool runs out of frames (FramePool.reclaim). */
  constructor(readonly pool: FramePool, readonly maxPages: number) {
    pool.reclaim ??= () => this.evict(RECLAIM_PAGES) > 0;
  }

  /** The cache came with an image: the pool asks it for frames. */
  loaded(): void {
    this.pool.reclaim = () => this.evict(RECLAIM_PAGES) > 0;
  }

  /** Drops about `count` clean pages that nobody maps, least recently used files first; returns how many. */
  evict(count: number): number {
    const before = this._pages;
    for (const file of this._files) {
      file.evict(this._recent.includes(file));
      if (before - this._pages >= count) break;
    }
    return before - this._pages;
  }

  /** A page of `file` is handed out. */
  touched(file: CachedFile): void {
    const recent = this._recent;
    if (recent[0] === file) return;
    const at = recent.indexOf(file);
    recent.copyWithin(1, 0, at < 0 ? recent.length - 1 : at);
    recent[0] = file;
  }

  /** Before `count` pages are added for `file`: makes room when over the bound. */
  reserve(file: CachedFile, count: number): void {
    this._files.delete(file);
    this._files.add(file);
    this._pages += count;
    if (this._pages <= this.maxPages) return;
    this.evict(this._pages - this.maxPages + RECLAIM_PAGES);
  }

  /** Pages of a file are gone. */
  released(file: CachedFile, count: number): void {
    this._pages -= count;
    if (file.cachedPages === 0) this._files.delete(file);
  }

  get pages(): number {
    return this._pages;
  }
}
