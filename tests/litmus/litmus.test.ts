// Memory order of x86-TSO, and locked instructions against plain stores, on two cores (the programs say what they look for).
// `pnpm litmus` runs 10 million rounds of each, natively too.
import { expect } from 'chai';
import { join } from 'node:path';
import { compileGuest } from '../support/guest-program.js';
import { allModes } from '../support/modes.js';
import { ROOT } from '../support/paths.js';
import { run, troupe, type RunResult } from '../support/run.js';

const ROUNDS = 2560;
const STORES = 50_000;
const CORES = 2;
const TESTS = ['SB', 'SB+mfence', 'SB+lock', 'SB+xchg', 'MP', 'MP+movups', 'MP+lock', 'LB', 'IRIW', 'n5', 'n6', 'R', 'R+mfence', 'S', '2+2W', 'CoRR'];
const folder = join(ROOT, 'tests/litmus');

interface Counts {
  readonly rounds: number;
  readonly forbidden: number;
}

function countsOf({ stdout, stderr, status }: RunResult): Map<string, Counts> {
  expect(status, stdout + stderr).to.equal(0);
  const lines = [...stdout.matchAll(/^(\S+) +rounds (\d+) forbidden (\d+)/gm)];
  return new Map(lines.map(([, name, rounds, forbidden]) => [name!, { rounds: Number(rounds), forbidden: Number(forbidden) }]));
}

function expectOrder(result: RunResult): void {
  expect(Object.fromEntries(countsOf(result))).to.deep.equal(Object.fromEntries(TESTS.map((name) => [name, { rounds: ROUNDS, forbidden: 0 }])));
}

function expectNothingLost({ stdout, stderr, status }: RunResult): void {
  expect(stderr).to.equal('');
  const lines = [...stdout.matchAll(/^(\S+) +stores (\d+) lost (\d+) locked (\d+)$/gm)];
  expect(lines.filter(([, , , lost]) => lost !== '0').map(([line]) => line)).to.deep.equal([]);
  expect(lines.every(([, , stores, , locked]) => Number(stores) === STORES && Number(locked) > 0), stdout).to.equal(true);
  expect(lines.length).to.equal(11);
  expect(status).to.equal(0);
}

describe('litmus tests', function () {
  this.timeout(120_000);

  it('natively: no forbidden outcome, nothing lost', async () => {
    expectOrder(await run(compileGuest('litmus', [], folder), [String(ROUNDS)]));
    expectNothingLost(await run(compileGuest('locked', [], folder), [String(STORES)]));
  });

  for (const { name, options } of allModes()) {
    it(`${name}: no outcome that x86-TSO forbids`, async () => {
      expectOrder(await troupe([compileGuest('litmus', [], folder), String(ROUNDS)], { ...options, cores: CORES, timeoutMs: 110_000 }));
    });

    it(`${name}: locked instructions lose no plain store`, async () => {
      expectNothingLost(await troupe([compileGuest('locked', [], folder), String(STORES)], { ...options, cores: CORES, timeoutMs: 110_000 }));
    });
  }
});
