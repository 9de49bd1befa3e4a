// What code a region takes in, for a function with a loop:
//   0: xor eax, eax   2: inc eax   4: cmp eax, 9   7: jne 2   9: ret
import { createMemory, FramePool, viewMemory, type SharedMemory } from '@troupe/abi';
import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { CodeCache } from '@troupe/cpu-worker/decode/code-cache.js';
import { CODE_PAGE, CODE_PAGE_OPS, OP, OP_BYTES } from '@troupe/cpu-worker/interp/op-record.js';
import { REGION_HANDLER } from '@troupe/cpu-worker/jit/region-abi.js';
import { RegionCompiler } from '@troupe/cpu-worker/jit/region-compiler.js';
import { expect } from 'chai';

const CODE = [0x31, 0xc0, 0xff, 0xc0, 0x83, 0xf8, 0x09, 0x75, 0xf9, 0xc3];
const STARTS = [0, 2, 4, 7, 9];
const LOOP = 2;
const RIP = 0x40_0000;
const EXECUTE_TABLE_BYTES = 4 << 20;

describe('code of regions', () => {
  let shared: SharedMemory;
  let tableExec: number;
  let opAt: (offset: number) => number;

  beforeEach(() => {
    shared = viewMemory(createMemory());
    const frames = FramePool.initialise(shared, 64 * 1024 * 1024);
    const frame = frames.alloc();
    const codePage = new CodeCache(shared, frames).pageOf(frame);
    shared.u8.set(CODE, shared.u32[(codePage + CODE_PAGE.frame) >>> 2]!);
    opAt = (offset) => codePage + CODE_PAGE_OPS + offset * OP_BYTES;
    for (const offset of STARTS) shared.u32[((codePage + CODE_PAGE.index) >>> 2) + offset] = opAt(offset);
    tableExec = frames.allocChunk(EXECUTE_TABLE_BYTES);
    shared.u32[(tableExec >>> 2) + RIP / PAGE_SIZE] = codePage;
  });

  const translated = (offset: number, mayOverlap: boolean, covered: readonly number[] = []): number | undefined =>
    new RegionCompiler(shared).translate({ rip: RIP + offset, tableExec }, { isCovered: (op) => covered.includes(op), mayOverlap })?.[0]?.instructions;

  function giveRegion(offset: number): void {
    shared.u16[(opAt(offset) + OP.handler) >>> 1] = REGION_HANDLER;
  }

  it('all that direct jumps reach from the entry', () => {
    expect(translated(0, false)).to.equal(5);
    expect(translated(LOOP, false)).to.equal(4);
  });

  it('ends where another region starts, unless regions may overlap', () => {
    giveRegion(LOOP);
    expect(translated(0, false)).to.equal(1);
    expect(translated(0, true)).to.equal(5);
    expect(translated(7, false), 'from inside the loop').to.equal(2);
  });

  it('ends where a region starts that is made at the same time', () => {
    expect(translated(0, false, [opAt(LOOP)])).to.equal(1);
    expect(translated(LOOP, false, [opAt(LOOP)]), 'its own').to.equal(undefined);
  });
});
