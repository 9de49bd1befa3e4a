import { MemoryWindow, PageRun } from '@troupe/abi';
import { expect } from 'chai';

/** Entries of the write table: pages 10–13 and 20–29 in one order, 14–19 in another. */
const table = { writeEntry: (page: number): number => (page >= 20 && page < 30 ? 0x40 : page >= 14 && page < 20 ? 0x80 : page >= 10 && page < 14 ? 0x40 : 0) };
const pagesOf = ({ first, end, entry }: PageRun): number[] => [first, end, entry];

describe('a run of pages', () => {
  it('is as long as their entries are the same, within reach', () => {
    expect(pagesOf(PageRun.around(22, table, 64))).to.deep.equal([20, 30, 0x40]);
    expect(pagesOf(PageRun.around(25, table, 3))).to.deep.equal([22, 28, 0x40]);
    expect(pagesOf(PageRun.around(5, table, 64))).to.deep.equal([0, 0, 0]);
  });

  it('grows by pages that come, and gives way to a longer one', () => {
    const run = new PageRun(14, 17, 0x80);
    run.grow(18, table);
    expect(pagesOf(run)).to.deep.equal([14, 20, 0x80]);
    run.grow(11, table);
    expect(pagesOf(run)).to.deep.equal([14, 20, 0x80]);
    run.grow(29, table);
    expect(pagesOf(run)).to.deep.equal([20, 30, 0x40]);
  });

  it('keeps the longer part of what pages that go leave', () => {
    const after = (first: number, end: number): number[] => {
      const run = new PageRun(20, 30, 0x40);
      run.shrink(first, end);
      return pagesOf(run);
    };
    expect(after(22, 23)).to.deep.equal([23, 30, 0x40]);
    expect(after(27, 40)).to.deep.equal([20, 27, 0x40]);
    expect(after(10, 20)).to.deep.equal([20, 30, 0x40]);
    expect(after(0, 100)).to.deep.equal([0, 0, 0]);
  });

  it('is what its window says, less slack at both ends and the bytes that an access could reach beyond', () => {
    const words = new Uint32Array(new SharedArrayBuffer(64));
    const run = new PageRun(20, 30, 0x40);
    run.toWindow(words, 8);
    expect(words[(8 + MemoryWindow.off.bytes) / 4]).to.equal(10 * 4096 - 2 * 512 - 15);
    expect([run.isWindow(words, 8), new PageRun(20, 29, 0x40).isWindow(words, 8)]).to.deep.equal([true, false]);
    expect(pagesOf(PageRun.ofWindow(words, 8))).to.deep.equal([20, 30, 0x40]);
    new PageRun().toWindow(words, 8);
    expect(PageRun.ofWindow(words, 8).sizePages).to.equal(0);
  });
});
