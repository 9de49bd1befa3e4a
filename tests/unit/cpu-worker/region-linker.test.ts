// What is linked, and when: modules of 8 regions each, of 50 instructions a region.
import { OP, OP_BYTES } from '@troupe/cpu-worker/interp/op-record.js';
import { RegionState, type JitArea } from '@troupe/cpu-worker/jit/jit-area.js';
import { isLinkedTier, REGION_HANDLER, Tier, type Region } from '@troupe/cpu-worker/jit/region-abi.js';
import { RegionLinker } from '@troupe/cpu-worker/jit/region-linker.js';
import { expect } from 'chai';

const REGIONS = 8;
const INSTRUCTIONS = 50;
const MODULE_MS = (REGIONS * INSTRUCTIONS * 100) / 1000;

describe('linking of regions', () => {
  const words = new ArrayBuffer(1 << 20);
  const u16 = new Uint16Array(words);
  let serials: number[];
  let linker: RegionLinker;

  beforeEach(() => {
    serials = [];
    const area = { shared: { u16, u32: new Uint32Array(words) }, state: () => RegionState.LIVE, serialOf: (id: number) => serials[id], regionWord: () => 0 };
    linker = new RegionLinker(area as unknown as JitArea, false);
  });

  function publish(serial: number, isLinked = false): Region[] {
    const regions = Array.from({ length: REGIONS }, (): Region => {
      const id = serials.push(serial) - 1;
      const op = 4096 + id * OP_BYTES;
      u16[(op + OP.handler) >>> 1] = REGION_HANDLER + id;
      return { links: { pages: new Map(), ops: [] }, op, instructions: INSTRUCTIONS, tier: Tier.QUICK, covers: [], loopHeads: [], seen: { rip: 0, tableExec: 0 } };
    });
    linker.note(serial, regions, isLinked);
    return regions;
  }

  it('takes everything once it is cheap, with the tier of linked regions', () => {
    for (let serial = 1; serial <= 3; serial++) publish(serial);
    expect(linker.candidates(MODULE_MS).regions, 'too dear').to.have.length(0);
    const { regions, serials: from } = linker.candidates(3 * MODULE_MS * 4);
    expect(regions).to.have.length(3 * REGIONS);
    expect(regions.every(({ tier }) => isLinkedTier(tier))).to.equal(true);
    expect(from).to.deep.equal([1, 2, 3]);
  });

  it('takes the first of what is new when everything would be too dear', () => {
    for (let serial = 1; serial <= 10; serial++) publish(serial, serial <= 5);
    expect(linker.candidates(2 * MODULE_MS * 4).serials).to.deep.equal([6, 7]);
    expect(linker.candidates(10 * MODULE_MS * 4).serials).to.have.length(10);
  });

  it('never takes more than can be compiled in a moment', () => {
    for (let serial = 1; serial <= 80; serial++) publish(serial);
    expect(linker.candidates(1e9).serials).to.have.length(Math.floor(25_000 / (REGIONS * INSTRUCTIONS)));
  });

  it('counts the time that linking took', () => {
    const regions = [...publish(1), ...publish(2), ...publish(3)];
    linker.took(regions, 3 * MODULE_MS);
    expect(linker.candidates(4 * 3 * MODULE_MS).regions).to.have.length(0);
    expect(linker.candidates(4 * 6 * MODULE_MS).regions).to.have.length(3 * REGIONS);
  });

  it('waits until what is new is a quarter of everything', () => {
    for (let serial = 1; serial <= 9; serial++) publish(serial, true);
    publish(10);
    publish(11);
    expect(linker.candidates(1e9).regions).to.have.length(0);
    publish(12);
    expect(linker.candidates(1e9).serials).to.have.length(12);
  });
});
