/** Pages that are copied at once by fork(2). */
import { HotPages } from '@troupe/kernel/mm/hot-pages.js';
import { expect } from 'chai';

describe('HotPages', () => {
  it('knows the pages that were copied soon after a fork, of both sides', () => {
    const parent = new HotPages();
    const child = new HotPages();
    parent.copied(1);
    parent.shareWith(child);
    child.copied(2);
    parent.copied(3);
    child.copied(2);
    expect(parent.pages).to.deep.equal([2, 3]);
    expect(child.pages).to.equal(parent.pages);
  });

  it('takes the first few only, and forgets the oldest', () => {
    const parent = new HotPages();
    for (let page = 0; page < 20; page++) {
      if (page % 10 === 0) parent.forked();
      parent.copied(page);
    }
    expect(parent.pages).to.deep.equal([10, 11, 12, 13, 14, 15, 16, 17]);
  });
});
