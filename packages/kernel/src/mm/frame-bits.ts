import { MAX_FRAMES, PAGE_SIZE } from '@troupe/abi';

/** A set of frames, one bit each. */
export class FrameBits {
  private readonly _words = new Uint32Array(MAX_FRAMES / 32 + 1);

  has(frame: number): boolean {
    const index = frame / PAGE_SIZE;
    return (this._words[index >>> 5]! & (1 << (index & 31))) !== 0;
  }

  add(frame: number): void {
    const index = frame / PAGE_SIZE;
    this._words[index >>> 5]! |= 1 << (index & 31);
  }

  delete(frame: number): void {
    const index = frame / PAGE_SIZE;
    this._words[index >>> 5]! &= ~(1 << (index & 31));
  }
}
