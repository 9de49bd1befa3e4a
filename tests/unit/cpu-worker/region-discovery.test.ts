// What code a region takes in, for a function with a loop:
//   0: xor eax, eax   2: inc eax   4: cmp eax, 9   7: jne 2   9: ret
// and one that calls it twice, and one that calls that one, which does not come back through a known address:
//   16: call 0   21: call 0   26: ret      32: call 16   37: jmp rax
// and one that calls another one through the linker's table, at 104:
//   80: call 88   85: ret     88: endbr64   92: jmp [rip+6]   112: jmp 88
import type { FramePool, SharedMemory } from '@troupe/abi';
import { CODE_PAGE, CODE_PAGE_OPS, OP } from '@troupe/cpu-worker/interp/op-record.js';
import { GuestCode } from '@troupe/cpu-worker/jit/guest-code.js';
import { JitArea } from '@troupe/cpu-worker/jit/jit-area.js';
import { REGION_HANDLER, Tier } from '@troupe/cpu-worker/jit/region-abi.js';
import { RegionCompiler } from '@troupe/cpu-worker/jit/region-compiler.js';
import { TierPlanner } from '@troupe/cpu-worker/jit/tier-planner.js';
import { hasRegion, type RegionPlanner } from '@troupe/cpu-worker/jit/translator.js';
import { expect } from 'chai';
import { decodedPage } from '../../support/decoded-page.js';

const CODE = [0x31, 0xc0, 0xff, 0xc0, 0x83, 0xf8, 0x09, 0x75, 0xf9, 0xc3, ...Array<number>(6).fill(0x90),
  0xe8, 0xeb, 0xff, 0xff, 0xff, 0xe8, 0xe6, 0xff, 0xff, 0xff, 0xc3, ...Array<number>(5).fill(0x90),
  0xe8, 0xeb, 0xff, 0xff, 0xff, 0xff, 0xe0, ...Array<number>(41).fill(0x90),
  0xe8, 0x03, 0x00, 0x00, 0x00, 0xc3, 0x90, 0x90, 0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0x06, 0x00, 0x00, 0x00, ...Array<number>(6).fill(0x90),
  ...Array<number>(8).fill(0), 0xeb, 0xe6];
const STARTS = [0, 2, 4, 7, 9, 16, 21, 26, 32, 37, 80, 85, 88, 92, 112];
const LOOP = 2;
const CALLER = 16;
const CALLER_OF_CALLER = 32;
const THROUGH_TABLE = 80;
const TRAMPOLINE = 88;
const TABLE_JUMP = 92;
const TABLE_WORD = 104;
const TAIL_JUMP = 112;
const RIP = 0x40_0000;

describe('code of regions', () => {
  let shared: SharedMemory;
  let frames: FramePool;
  let tableExec: number;
  let opAt: (offset: number) => number;

  beforeEach(() => {
    ({ shared, frames, tableExec, opAt } = decodedPage(RIP, CODE, STARTS));
  });

  const translated = (offset: number, mayOverlap: boolean, isPlanned: (op: number) => boolean = () => false): number | undefined => {
    const planner: RegionPlanner = {
      planOf: (op) => (isPlanned(op) ? undefined : { tier: Tier.FULL, mayOverlap, maxInstructions: 400, windows: 'likely' }),
      startsRegion: (op) => isPlanned(op) || hasRegion(shared, op),
    };
    return new RegionCompiler(shared).translate({ rip: RIP + offset, tableExec }, planner)?.[0]?.instructions;
  };

  function giveRegion(offset: number): void {
    shared.u16[(opAt(offset) + OP.handler) >>> 1] = REGION_HANDLER;
  }

  it('all that direct jumps reach from the entry', () => {
    expect(translated(0, false)).to.equal(5);
    expect(translated(LOOP, false)).to.equal(4);
  });

  it('a callee that is small and comes back, once for each call, two levels deep', () => {
    expect(translated(CALLER, false)).to.equal(3 + 2 * 5);
    expect(translated(CALLER_OF_CALLER, false)).to.equal(2 + 3 + 2 * 5);
  });

  it("a jump through the linker's table that a call leads to", () => {
    expect(translated(THROUGH_TABLE, false)).to.equal(2 + 2);
  });

  it('the same where a jump to another region leads to it', () => {
    expect(translated(TAIL_JUMP, false, (op) => op === opAt(TRAMPOLINE))).to.equal(1 + 2);
    expect(translated(TAIL_JUMP, false, (op) => op === opAt(CALLER))).to.equal(1 + 2);
  });

  it('the likely target of such a jump is what the table says, if that is decoded code', () => {
    const code = new GuestCode(shared);
    const likely = (word: bigint): number | undefined => {
      new DataView(shared.buffer).setBigUint64(shared.u32[((opAt(0) - CODE_PAGE_OPS + CODE_PAGE.frame) >>> 2)]! + TABLE_WORD, word, true);
      code.begin({ rip: RIP + THROUGH_TABLE, tableExec });
      return code.targetInMemory(code.decode(TABLE_JUMP)!);
    };
    expect(likely(BigInt(RIP + CALLER))).to.equal(CALLER);
    expect(likely(BigInt(RIP + CALLER + 1)), 'no instruction').to.equal(undefined);
    expect(likely(BigInt(RIP + CALLER) + (1n << 32n)), 'above 4 GiB').to.equal(undefined);
    expect(likely(0n)).to.equal(undefined);
    expect(code.targetInMemory(code.decode(37)!), 'jmp rax').to.equal(undefined);
  });

  it('no callee whose return was never run', () => {
    shared.u32[((opAt(0) - CODE_PAGE_OPS + CODE_PAGE.index) >>> 2) + 9] = 0;
    expect(translated(CALLER, false)).to.equal(3);
  });

  it('ends where another region starts, unless regions may overlap', () => {
    giveRegion(LOOP);
    expect(translated(0, false)).to.equal(1);
    expect(translated(0, true)).to.equal(5);
    expect(translated(7, false), 'from inside the loop').to.equal(2);
  });

  it('has no more instructions than planned, the nearest ones', () => {
    const planner: RegionPlanner = { planOf: () => ({ tier: Tier.QUICK, mayOverlap: false, maxInstructions: 3, windows: 'likely' }), startsRegion: () => false };
    const [region] = new RegionCompiler(shared).translate({ rip: RIP, tableExec }, planner)!;
    expect(region!.instructions).to.equal(3);
  });

  it('ends where a region starts that is made at the same time', () => {
    expect(translated(0, false, (op) => op === opAt(LOOP))).to.equal(1);
    expect(translated(LOOP, false, (op) => op === opAt(LOOP)), 'its own').to.equal(undefined);
  });

  it('is planned once by the compiling thread; heads of loops inside are entries of regions that overlap', () => {
    const planner = new TierPlanner(JitArea.of(shared, frames)!);
    const plan = (offset: number) => planner.planOf(opAt(offset));
    expect(plan(LOOP)).to.include({ mayOverlap: false });
    const [region] = new RegionCompiler(shared).translate({ rip: RIP, tableExec }, planner)!;
    planner.note(region!);
    expect(plan(0)).to.equal(undefined);
    expect(planner.startsRegion(opAt(0))).to.equal(true);
    expect(plan(LOOP)).to.include({ tier: Tier.FULL, mayOverlap: true });
    planner.beginBatch();
    expect(plan(0), 'its region was never published').to.include({ mayOverlap: false });
  });
});
