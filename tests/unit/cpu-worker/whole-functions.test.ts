// Which regions are made again before they are linked: a function of ops 1 to 9 with regions at 1, 4 and 7, another one at 20.
import { Tier, type Region } from '@troupe/cpu-worker/jit/region-abi.js';
import type { RegionPlanner, Translator } from '@troupe/cpu-worker/jit/translator.js';
import { WholeFunctions } from '@troupe/cpu-worker/jit/whole-functions.js';
import { expect } from 'chai';

const FUNCTION = [1, 2, 3, 4, 5, 6, 7, 8, 9];

function region(op: number, tier: Tier, instructions = 3): Region {
  return { op, tier, instructions, links: { pages: new Map(), ops: [op] }, covers: [], loopHeads: [], seen: { rip: op, tableExec: 0 } };
}

describe('whole functions', () => {
  let made: number[];
  let isWanted: boolean;

  const ownOps = (rip: number): number[] => (rip < 10 ? FUNCTION.filter((op) => op >= rip) : [rip]);
  const translator = {
    translate: ({ rip }: { rip: number }, planner: RegionPlanner): Region[] => {
      made.push(rip);
      const plan = planner.planOf(rip)!;
      planner.covered!(ownOps(rip));
      return [region(rip, plan.tier, ownOps(rip).length)];
    },
    coverage: ({ rip }: { rip: number }) => ownOps(rip),
  } as unknown as Translator;

  beforeEach(() => {
    made = [];
    isWanted = false;
  });

  const make = (regions: Region[], maxInstructions = 1000): Map<number, Region> =>
    new Map(new WholeFunctions(translator, maxInstructions, () => isWanted, (work) => work()).make(regions).map((each) => [each.op, each]));

  it('are made of the first of their regions; those within stay as they are', () => {
    const regions = make([region(7, Tier.LINKED_QUICK), region(1, Tier.LINKED_QUICK), region(4, Tier.LINKED_QUICK), region(20, Tier.LINKED_QUICK)]);
    expect(made).to.deep.equal([1, 20]);
    expect([1, 4, 7, 20].map((op) => regions.get(op)!.tier)).to.deep.equal([Tier.LINKED_FULL, Tier.LINKED_QUICK, Tier.LINKED_QUICK, Tier.LINKED_FULL]);
  });

  it('are there already where a region of the second tier is', () => {
    const regions = make([region(1, Tier.LINKED_FULL), region(4, Tier.LINKED_QUICK)]);
    expect(made).to.deep.equal([]);
    expect(regions.get(4)!.tier).to.equal(Tier.LINKED_QUICK);
  });

  it('are not made when there would be too much, or while others wait', () => {
    expect(make([region(1, Tier.LINKED_QUICK)], 3).get(1)!.tier).to.equal(Tier.LINKED_QUICK);
    isWanted = true;
    expect(make([region(1, Tier.LINKED_QUICK)]).get(1)!.tier).to.equal(Tier.LINKED_QUICK);
    expect(made).to.deep.equal([]);
  });
});
