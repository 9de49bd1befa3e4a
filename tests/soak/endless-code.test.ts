// Code without end: results are right while regions come and go. `pnpm soak:code` runs it for ten minutes and watches memory.
import { expect } from 'chai';
import { troupe } from '../support/run.js';
import { compileEndlessCode, growthOf, type Sample } from './endless-code.js';

const SECONDS = 3;

/** What --stat says after a few seconds. */
async function counters(env: NodeJS.ProcessEnv): Promise<(name: string) => number> {
  const { stdout, stderr, status } = await troupe([compileEndlessCode(), String(SECONDS)], { flags: ['--stat'], env: { ...process.env, ...env } });
  expect(stdout + stderr).to.match(/functions \d+ calls \d+ wrong 0/);
  expect(status).to.equal(0);
  return (name) => Number(new RegExp(`(\\d+)  ${name}\n`).exec(stderr)![1]);
}

describe('code without end', function () {
  this.timeout(60_000);

  it('is translated in the background: better regions take the place of others', async () => {
    const value = await counters({ TROUPE_JIT: 'background', TROUPE_JIT_HEAT: '200' });
    expect(value('regionsTranslated')).to.be.greaterThan(5);
    expect(value('regionInstructions')).to.be.greaterThan(1_000_000);
    expect(value('compileErrors')).to.equal(0);
  });

  it('is translated at once: old regions make room for new ones', async () => {
    const value = await counters({ TROUPE_JIT: 'eager' });
    const [made, evicted, modules] = [value('regionsTranslated'), value('regionsEvicted'), value('modules')];
    expect(modules).to.be.greaterThan(1024);
    expect(evicted).to.be.greaterThan(0);
    expect(made - evicted).to.be.lessThan(2048);
  });

  it('finds memory that grows', () => {
    const samples = (growthMb: number): Sample[] => Array.from({ length: 20 }, (_, i) => ({ seconds: i, rssMb: 300 + i * growthMb }) as Sample);
    expect(growthOf(samples(1))).to.deep.include({ isBounded: true });
    expect(growthOf(samples(20))).to.deep.include({ isBounded: false });
    expect(growthOf(samples(1).slice(0, 3))).to.equal(undefined);
  });
});
