// Programs that make and change machine code (programs/jit-*.c), with translated code: where it is hot, and for
// every jump target. Natively and under Troupe with one and two cores: same output, same status.
import { expect } from 'chai';
import { compileGuest, guestNames } from '../support/guest-program.js';
import { run, troupe, type RunResult } from '../support/run.js';

const NAMES = guestNames().filter((name) => name.startsWith('jit-'));
/** Translates code that has run a few 10,000 instructions. */
const WARM = { TROUPE_JIT: 'background', TROUPE_JIT_HEAT: '100' };
/** An eager core makes a module for every jump target: a static program has few before main. */
const MODES = [
  { name: 'hot code translated', env: WARM },
  { name: 'all code translated', env: { TROUPE_JIT: 'eager' } },
];

describe('guest programs that make code', function () {
  this.timeout(120_000);
  const natives = new Map<string, Promise<RunResult>>();

  for (const name of NAMES) {
    for (const mode of MODES) {
      for (const cores of [1, 2]) {
        it(`${name}, ${mode.name} (${cores} core${cores > 1 ? 's' : ''})`, async () => {
          const binary = compileGuest(name, ['-static']);
          natives.set(name, natives.get(name) ?? run(binary, []));
          const native = await natives.get(name)!;
          const ours = await troupe([binary], { cores, env: { ...process.env, ...mode.env }, timeoutMs: 100_000 });
          expect(ours.stderr).to.equal(native.stderr);
          expect(ours.stdout).to.equal(native.stdout);
          expect(ours.status).to.equal(native.status);
        });
      }
    }
  }

  it('uses no more memory the longer a program makes code', async () => {
    const binary = compileGuest('jit-for-ever', ['-static']);
    const [short, long] = [await touched(binary, 600), await touched(binary, 1800)];
    expect(short.regions).to.be.greaterThan(10);
    expect(long.regions).to.be.greaterThan(short.regions + 20);
    expect(long.frames - short.frames).to.be.lessThan(200);
  });
});

/** What --stat says after so many rounds: frames of memory ever used, regions made. */
async function touched(binary: string, rounds: number): Promise<{ frames: number; regions: number }> {
  const { stderr, status } = await troupe([binary, String(rounds)], { flags: ['--stat'], env: { ...process.env, ...WARM } });
  expect(status, stderr).to.equal(0);
  const value = (name: string): number => Number(new RegExp(`(\\d+)  ${name}`).exec(stderr)![1]);
  return { frames: value('frames touched'), regions: value('regionsTranslated') };
}
