// Where computed jumps may lead. A switch statement: a table of offsets at 64, three of four cases decoded, and an offset behind it.
//   0: cmp edi, 3   3: ja 40   5: lea rdx, [rip+52]   12: movsxd rax, [rdx+rdi*4]   16: add rax, rdx   19: jmp rax
//   24, 28, 32, 36, 40: ret
// Labels as values: a table of addresses at 192, for three jumps.
//   128: lea rdi, [rip+57]   135: mov rax, [rdi+rcx*8]   139: jmp rax   144: mov rax, [rdi+rcx*8]   148: jmp rax
//   152: jmp [rdi+rcx*8]   155: ret        160: mov rax, rcx   163: jmp rax
import { GuestCode, type GuestInstruction } from '@troupe/cpu-worker/jit/guest-code.js';
import { JumpTables, type JumpTable } from '@troupe/cpu-worker/jit/jump-tables.js';
import { Tier } from '@troupe/cpu-worker/jit/region-abi.js';
import { RegionCompiler } from '@troupe/cpu-worker/jit/region-compiler.js';
import { MAX_INSTRUCTIONS } from '@troupe/cpu-worker/jit/translator.js';
import { expect } from 'chai';
import { decodedPage, type DecodedPage } from '../../support/decoded-page.js';

const RIP = 0x40_0000;
const RET = 0xc3;
const OFFSETS = 64;
const ADDRESSES = 192;
const STARTS = [0, 3, 5, 12, 16, 19, 24, 28, 32, 36, 40, 128, 135, 139, 144, 148, 152, 155, 160, 163];

function makeCode(): number[] {
  const bytes = new Uint8Array(256);
  bytes.set([0x83, 0xff, 3, 0x77, 35, 0x48, 0x8d, 0x15, 52, 0, 0, 0, 0x48, 0x63, 0x04, 0xba, 0x48, 0x01, 0xd0, 0xff, 0xe0]);
  for (const at of [24, 28, 32, 36, 40]) bytes[at] = RET;
  bytes.set([0x48, 0x8d, 0x3d, 57, 0, 0, 0, 0x48, 0x8b, 0x04, 0xcf, 0xff, 0xe0], 128);
  bytes.set([0x48, 0x8b, 0x04, 0xcf, 0xff, 0xe0], 144);
  bytes.set([0xff, 0x24, 0xcf, RET], 152);
  bytes.set([0x48, 0x89, 0xc8, 0xff, 0xe0], 160);
  const view = new DataView(bytes.buffer);
  [24, 28, 99, 32, 36].forEach((at, i) => view.setInt32(OFFSETS + i * 4, at - OFFSETS, true));
  [144, 152, 155].forEach((at, i) => view.setBigUint64(ADDRESSES + i * 8, BigInt(RIP + at), true));
  view.setBigUint64(ADDRESSES + 24, 1n << 40n, true);
  return [...bytes];
}

describe('jump tables', () => {
  let page: DecodedPage;

  beforeEach(() => {
    page = decodedPage(RIP, makeCode(), STARTS);
  });

  function tableOf(at: number): JumpTable | undefined {
    const code = new GuestCode(page.shared);
    code.begin({ rip: RIP, tableExec: page.tableExec });
    const insns = new Map<number, GuestInstruction>(STARTS.map((start) => [start, code.decode(start)!]));
    return new JumpTables(code, insns).of(insns.get(at)!);
  }

  function translated(rip: number): { instructions: number; regions: number } {
    const planner = { planOf: () => ({ tier: Tier.FULL, mayOverlap: true, maxInstructions: MAX_INSTRUCTIONS, windows: 'likely' as const }), startsRegion: () => false };
    const regions = new RegionCompiler(page.shared).translate({ rip: RIP + rip, tableExec: page.tableExec }, planner)!;
    return { instructions: regions[0]!.instructions, regions: regions.length };
  }

  it('of offsets have as many entries as the comparison before the jump says; those that were decoded count', () => {
    expect(tableOf(19)).to.deep.equal({ address: RIP + OFFSETS, targets: [24, 28, 32] });
  });

  it('of addresses end where no address is, wherever the register gets its value', () => {
    for (const at of [139, 148, 152]) expect(tableOf(at)).to.deep.equal({ address: RIP + ADDRESSES, targets: [144, 152, 155] });
  });

  it('are not there without a load from one, or where memory is not', () => {
    expect(tableOf(163)).to.equal(undefined);
    page.shared.u32[((page.tableExec - 2 * 0x40_0000) >>> 2) + RIP / 4096] = 0;
    expect(tableOf(19)).to.equal(undefined);
  });

  it('make the cases of a switch statement part of the region', () => {
    expect(translated(0)).to.deep.equal({ instructions: 6 + 1 + 3, regions: 1 });
  });

  it('that several jumps have make their targets entries of the region', () => {
    expect(translated(128)).to.deep.equal({ instructions: 3 + 2 + 1 + 1, regions: 1 + 3 });
  });
});
