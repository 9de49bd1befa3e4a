/** Whether the host is crowded: for a short time after a thread lost its processor. */
import { createMemory, HostLoad, viewMemory } from '@troupe/abi';
import { expect } from 'chai';

describe('HostLoad', () => {
  it('is crowded for some milliseconds after a thread lost its processor, on all threads', async () => {
    const shared = viewMemory(createMemory(16 << 20));
    const [one, other] = [new HostLoad(shared), new HostLoad(shared)];
    expect(other.isCrowded).to.equal(false);
    one.noteLost();
    expect(other.isCrowded).to.equal(true);
    await new Promise((done) => setTimeout(done, 50));
    expect(other.isCrowded).to.equal(false);
  });
});
