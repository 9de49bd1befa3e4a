import { hostRandomBytes } from '@troupe/vfs';
import { expect } from 'chai';

describe('random bytes of the host', () => {
  it('never come twice, whether few or many are wanted', () => {
    const seen = new Set<string>();
    let count = 0;
    for (const size of [16, 16, 512, 8, 511, 513, 100, 4096, 16, 500]) {
      const bytes = Buffer.from(hostRandomBytes(size));
      expect(bytes.length).to.equal(size);
      for (let at = 0; at + 8 <= size; at += 8, count++) seen.add(bytes.toString('hex', at, at + 8));
    }
    expect(seen.size).to.equal(count);
  });
});
