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
  readonly #files = new Set<CachedFile>();
  #pages = 0;
  /** Files used last: a page that was just handed out may not have its second reference yet. */
  readonly #recent: (CachedFile | null)[] = [null, null, null, null];

  /** Also gives pages back when the pool runs out of frames (FramePool.reclaim). */
  constructor(readonly pool: FramePool, readonly maxPages: number) {
    pool.reclaim ??= () => this.evict(RECLAIM_PAGES) > 0;
  }

  /** Drops about `count` clean pages that nobody maps, least recently used files first; returns how many. */
  evict(count: number): number {
    const before = this.#pages;
    for (const file of this.#files) {
      file.evict(this.#recent.includes(file));
      if (before - this.#pages >= count) break;
    }
    return before - this.#pages;
  }

  /** A page of `file` is handed out. */
  touched(file: CachedFile): void {
    const recent = this.#recent;
    if (recent[0] === file) return;
    const at = recent.indexOf(file);
    recent.copyWithin(1, 0, at < 0 ? recent.length - 1 : at);
    recent[0] = file;
  }

  /** Before `count` pages are added for `file`: makes room when over the bound. */
  reserve(file: CachedFile, count: number): void {
    this.#files.delete(file);
    this.#files.add(file);
    this.#pages += count;
    if (this.#pages <= this.maxPages) return;
    this.evict(this.#pages - this.maxPages + RECLAIM_PAGES);
  }

  /** Pages of a file are gone. */
  released(file: CachedFile, count: number): void {
    this.#pages -= count;
    if (file.cachedPages === 0) this.#files.delete(file);
  }

  get pages(): number {
    return this.#pages;
  }
}
