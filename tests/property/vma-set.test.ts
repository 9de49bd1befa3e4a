/** VmaSet against an array of pages. */
import { PAGE_SIZE } from '@troupe/abi';
import { Vma } from '@troupe/kernel/mm/vma.js';
import { VmaSet } from '@troupe/kernel/mm/vma-set.js';
import { expect } from 'chai';
import fc from 'fast-check';

const PAGES = 48;

type Step = readonly [kind: 'map' | 'unmap' | 'protect', first: number, count: number, prot: number];

const steps = fc.array(
  fc.tuple(fc.constantFrom<Step[0]>('map', 'unmap', 'protect'), fc.nat(PAGES - 1), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 3 })),
  { maxLength: 60 },
);

function apply(set: VmaSet, model: (number | undefined)[], [kind, first, count, prot]: Step): void {
  const end = Math.min(PAGES, first + count);
  const [start, stop] = [first * PAGE_SIZE, end * PAGE_SIZE];
  if (kind === 'unmap' || kind === 'map') set.removeRange(start, stop);
  if (kind === 'map') set.insert(new Vma(start, stop, prot, 0, null, 0, '', 7));
  if (kind === 'protect') set.update(start, stop, (piece) => (piece.prot = prot));
  for (let page = first; page < end; page++) {
    if (kind === 'map') model[page] = prot;
    else if (kind === 'unmap') model[page] = undefined;
    else if (model[page] !== undefined) model[page] = prot;
  }
}

function check(set: VmaSet, model: readonly (number | undefined)[]): void {
  let previous: Vma | undefined;
  for (const vma of set) {
    expect(vma.start).to.be.lessThan(vma.end);
    if (previous !== undefined) {
      expect(previous.end).to.be.at.most(vma.start);
      expect(previous.joins(vma)).to.equal(false);
    }
    previous = vma;
  }
  model.forEach((prot, page) => expect(set.find(page * PAGE_SIZE + 5)?.prot).to.equal(prot));
  expect(set.bytes).to.equal(model.filter((prot) => prot !== undefined).length * PAGE_SIZE);
}

function modelFree(model: readonly (number | undefined)[], pages: number): number {
  for (let first = PAGES - pages; first >= 0; first--) {
    if (model.slice(first, first + pages).every((prot) => prot === undefined)) return first;
  }
  return -1;
}

describe('VmaSet', () => {
  it('agrees with an array of pages', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 10 }), (list, wanted) => {
        const set = new VmaSet();
        const model: (number | undefined)[] = Array.from({ length: PAGES }, () => undefined);
        for (const step of list) {
          apply(set, model, step);
          check(set, model);
        }
        const found = set.findFreeTopDown(wanted * PAGE_SIZE, 0, PAGES * PAGE_SIZE);
        const expected = modelFree(model, wanted);
        expect(found).to.equal(expected < 0 ? -1 : expected * PAGE_SIZE);
        for (const [, first, count] of list) {
          const end = Math.min(PAGES, first + count);
          const slice = model.slice(first, end);
          expect(set.covers(first * PAGE_SIZE, end * PAGE_SIZE)).to.equal(slice.every((prot) => prot !== undefined));
          expect(set.isFree(first * PAGE_SIZE, end * PAGE_SIZE)).to.equal(slice.every((prot) => prot === undefined));
        }
      }),
      { numRuns: 300 },
    );
  });
});
