import { AREA, BLOCK_BYTES, BLOCK_COUNT, type JitArea } from './jit-area.js';

/** Memory of module bytes: runs of blocks, next fit. Precondition of all methods: JitHeader.lock is held. */
export class BlockMap {
  constructor(readonly area: JitArea) {}

  /** Linear address of `sizeBytes` bytes, or 0. */
  alloc(sizeBytes: number): number {
    const { u8, i32, u32 } = this.area.shared;
    const map = this.area.base + AREA.blockMap;
    const count = Math.ceil(sizeBytes / BLOCK_BYTES);
    const next = this.area.word('nextBlock');
    const start = i32[next]!;
    let run = 0;
    for (let step = 0; step < BLOCK_COUNT + count; step++) {
      const block = (start + step) % BLOCK_COUNT;
      if (block === 0) run = 0;
      run = u8[map + block] === 0 ? run + 1 : 0;
      if (run < count) continue;
      const first = block - count + 1;
      u8.fill(1, map + first, map + first + count);
      i32[next] = (block + 1) % BLOCK_COUNT;
      return u32[this.area.word('blocks')]! + first * BLOCK_BYTES;
    }
    return 0;
  }

  free(address: number, sizeBytes: number): void {
    const first = this.area.base + AREA.blockMap + (address - this.area.shared.u32[this.area.word('blocks')]!) / BLOCK_BYTES;
    this.area.shared.u8.fill(0, first, first + Math.ceil(sizeBytes / BLOCK_BYTES));
  }
}
