/**
 * Which parts of the frames above FramePool.arenaStart address spaces place their pages in. A reservation is a
 * preference, no right: frames are taken one by one (FramePool.claim), and where memory is short anybody takes them.
 *
 * Owns: the list of reserved granules. Kernel thread only.
 */
import { PAGE_SIZE, type FramePool } from '@troupe/abi';

/** Pages that are reserved together. */
export const GRANULE_PAGES = 512;

export class FrameArenas {
  private readonly _reserved: Uint8Array;

  constructor(readonly frames: FramePool) {
    this._reserved = new Uint8Array(Math.floor((frames.endFrame - frames.arenaStart) / GRANULE_PAGES));
  }

  /** Linear address of a reserved run of granules, or 0. What lies lowest comes first: the host has given its memory before. */
  reserve(granules: number): number {
    for (let first = 0, free = 0, at = 0; at < this._reserved.length; at++) {
      free = this._reserved[at] === 0 ? free + 1 : 0;
      if (free === 0) first = at + 1;
      if (free < granules) continue;
      this._reserved.fill(1, first, at + 1);
      return (this.frames.arenaStart + first * GRANULE_PAGES) * PAGE_SIZE;
    }
    return 0;
  }

  release(base: number, granules: number): void {
    const first = (base / PAGE_SIZE - this.frames.arenaStart) / GRANULE_PAGES;
    this._reserved.fill(0, first, first + granules);
  }
}
