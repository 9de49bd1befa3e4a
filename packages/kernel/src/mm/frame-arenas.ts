/**
 * Which parts of the frames above FramePool.arenaStart address spaces place their pages in. A reservation is a
 * preference, no right: frames are taken one by one (FramePool.claim), and where memory is short anybody takes them.
 *
 * Owns: the list of reserved blocks. Kernel thread only.
 */
import { BLOCK_PAGES, PAGE_SIZE, type FramePool } from '@troupe/abi';

/** Frames are reserved in blocks of BLOCK_PAGES. */
export const BLOCK_BYTES = BLOCK_PAGES * PAGE_SIZE;
/** Free blocks wanted on both sides of one that has no neighbour yet, as long as there are such. */
const SPACING = [16, 4, 1, 0];

export class FrameArenas {
  private readonly _reserved: Uint8Array;

  constructor(readonly frames: FramePool) {
    this._reserved = new Uint8Array(Math.floor((frames.endFrame - frames.arenaStart) / BLOCK_PAGES));
  }

  /** Linear address of a reserved block, `wanted` if that is free; 0 = all are reserved. What lies lowest comes first: the host has given its memory before. */
  reserve(wanted: number): number {
    const block = wanted === 0 ? -1 : this._blockOf(wanted);
    const found = this._reserved[block] === 0 ? block : this._findSpaced();
    if (found < 0) return 0;
    this._reserved[found] = 1;
    return (this.frames.arenaStart + found * BLOCK_PAGES) * PAGE_SIZE;
  }

  release(base: number): void {
    this._reserved[this._blockOf(base)] = 0;
  }

  private _blockOf(base: number): number {
    return (base / PAGE_SIZE - this.frames.arenaStart) / BLOCK_PAGES;
  }

  private _findSpaced(): number {
    for (const spacing of SPACING) {
      for (let first = 0, at = 0; at < this._reserved.length; at++) {
        if (this._reserved[at] !== 0) first = at + 1;
        else if (at - first === 2 * spacing) return first + spacing;
      }
    }
    return -1;
  }
}
