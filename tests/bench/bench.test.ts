// The benchmark command on its smallest settings: figures, check sums and files come out.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, ROOT } from '../support/paths.js';
import { run } from '../support/run.js';

const BENCH = join(ROOT, 'scripts/bench.mjs');
const bench = (...args: string[]) => run(process.execPath, [BENCH, ...args]);

interface Row {
  readonly name: string;
  readonly ratios: Record<string, number>;
  readonly failures: Record<string, string>;
}

describe('pnpm bench', function () {
  this.timeout(60_000);

  it('compares a CPU program natively and under Troupe, and draws the result', async () => {
    const { stdout, status } = await bench('cpu', '--quick', '--only', 'fib', '--engines', 'native,interp', '--scale', '0.002');
    expect(status, stdout).to.equal(0);
    const { rows } = JSON.parse(readFileSync(join(CACHE, 'bench/cpu.json'), 'utf8')) as { rows: Row[] };
    expect(rows.map(({ name }) => name)).to.deep.equal(['fib']);
    expect(rows[0]!.failures).to.deep.equal({});
    expect(rows[0]!.ratios['interp']).to.be.greaterThan(1);
    const bars = readFileSync(join(CACHE, 'bench/cpu.svg'), 'utf8').match(/<rect /g);
    expect(bars?.length).to.equal(3);
  });

  it('refuses what it does not know with status 125', async () => {
    const engine = await bench('cpu', '--engines', 'native,other');
    expect(engine.status).to.equal(125);
    expect(engine.stderr).to.contain('no such engine: other');
    expect((await bench('disk')).status).to.equal(125);
    expect((await bench('cpu', '--repeats=-1')).stderr).to.contain('--repeats must be a positive number');
  });
});
