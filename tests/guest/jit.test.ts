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

  it('are counted and preempted as by the interpreter', async () => {
    const stat = async (env: NodeJS.ProcessEnv, name: string): Promise<number> => statOf((await troupe([compileGuest('jit-switches', ['-static'])], { flags: ['--stat'], env: { ...process.env, ...env } })).stderr, name);
    const eager = { TROUPE_JIT: 'eager' };
    // Where a block is left in its midst it counts as a whole.
    expect(await stat(eager, 'instructions')).to.be.closeTo(await stat({ TROUPE_JIT: 'off' }, 'instructions'), 2000);
    expect(await stat(eager, 'preemptions')).to.be.greaterThan(5);
  });

  it('uses no more memory the longer a program makes code', async () => {
    const binary = compileGuest('jit-for-ever', ['-static']);
    const [short, long] = [await touched(binary, 1800), await touched(binary, 7200)];
    expect(long.made).to.be.greaterThan(0);
    expect(long.asked).to.be.greaterThan(short.asked + 1000);
    // Memory is touched in large pieces; one frame for two rounds would be more.
    expect(long.frames - short.frames).to.be.lessThan(2500);
  });
});

/** What --stat says after so many rounds: frames of memory ever used, regions asked for and made. */
async function touched(binary: string, rounds: number): Promise<{ frames: number; asked: number; made: number }> {
  const { stderr, status } = await troupe([binary, String(rounds)], { flags: ['--stat'], env: { ...process.env, ...WARM } });
  expect(status, stderr).to.equal(0);
  return { frames: statOf(stderr, 'frames touched'), asked: statOf(stderr, 'regionRequests'), made: statOf(stderr, 'regionsTranslated') };
}

/** A line of --stat. */
function statOf(stderr: string, name: string): number {
  return Number(new RegExp(`(\\d+)  ${name}\\b`).exec(stderr)![1]);
}
