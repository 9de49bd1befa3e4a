/**
 * Bounds the frames that caches of host files hold. Only clean pages that nobody maps can go; files give
 * them up in the order of their last use.
 *
 * Owns: the order of the files and the page count.
 */
import type { FramePool } from '@troupe/abi';

/** A file that caches pages. */
export interface CachedFile {
  /** Drops clean pages nobody maps; returns how many. */
  evict(): number;
  readonly cachedPages: number;
}

export class HostPageCache {
  readonly #files = new Set<CachedFile>();
  #pages = 0;

  constructor(readonly pool: FramePool, readonly maxPages: number) {}

  /** Before `count` pages are added for `file`: makes room when over the bound. */
  reserve(file: CachedFile, count: number): void {
    this.#files.delete(file);
    this.#files.add(file);
    this.#pages += count;
    if (this.#pages <= this.maxPages) return;
    for (const other of this.#files) {
      if (other === file) continue;
      other.evict();
      if (other.cachedPages === 0) this.#files.delete(other);
      if (this.#pages <= this.maxPages) return;
    }
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
