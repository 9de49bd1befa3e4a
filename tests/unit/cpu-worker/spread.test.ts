// The hash by which a region finds the target of a computed jump.
import { expect } from 'chai';
import fc from 'fast-check';
import { spread } from '@troupe/cpu-worker/jit/spread.js';

describe('hash without collisions', () => {
  it('finds the number of every value, and is not much larger than needed', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: -4096, max: 8191 }), { minLength: 1, maxLength: 128 }), (values) => {
      const { multiplier, shift, slots } = spread(values);
      values.forEach((value, i) => expect(slots[Math.imul(value, multiplier) >>> shift]).to.equal(i));
      expect(slots.filter((slot) => slot >= 0)).to.have.length(values.length);
      expect(slots.length).to.be.at.most(32768);
    }), { numRuns: 300 });
  });

  it('refuses equal values', () => {
    expect(() => spread([1, 2, 1])).to.throw('different');
  });
});
