// Translated code of whole programs, compared with the interpreter stretch by stretch (TROUPE_JIT=check): no difference, and the right output.
import { expect } from 'chai';
import { compileEndlessCode } from '../soak/endless-code.js';
import { compileGuest } from '../support/guest-program.js';
import { run, troupe } from '../support/run.js';

async function runChecked(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<{ stdout: string; status: number }> {
  const { stdout, stderr, status } = await troupe(argv, { flags: ['--stat'], env: { ...process.env, ...env } });
  const value = (name: string): number => Number(new RegExp(`(\\d+)  ${name}\n`).exec(stderr)![1]);
  expect(stderr).not.to.contain('jit check');
  expect(value('regionsChecked')).to.be.greaterThan(100);
  expect(value('regionDifferences')).to.equal(0);
  return { stdout, status };
}

describe('translated code and the interpreter', function () {
  this.timeout(120_000);

  it('do the same for all code of a program', async () => {
    const binary = compileGuest('floats', ['-static']);
    const native = await run(binary, []);
    expect(await runChecked([binary], { TROUPE_JIT: 'check-eager' })).to.deep.equal({ stdout: native.stdout, status: native.status });
  });

  it('do the same for hot code', async () => {
    const { stdout, status } = await runChecked([compileEndlessCode(), '3'], { TROUPE_JIT: 'check', TROUPE_JIT_HEAT: '100' });
    expect(stdout).to.match(/wrong 0\n$/);
    expect(status).to.equal(0);
  });
});
