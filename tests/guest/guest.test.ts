// The same C program, natively and under Troupe with one and two cores: same output, same status.
import { expect } from 'chai';
import { compileGuest, guestNames } from '../support/guest-program.js';
import { run, troupe } from '../support/run.js';

const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { hello: ['a', 'b'] };
/** Programs see the ids they see natively. */
const SAME_USER = process.getuid!() === 0 ? [] : ['--user', `${process.getuid!()}:${process.getgid!()}`];
const VARIANTS = [{ name: 'dynamic', flags: [] }, { name: 'static', flags: ['-static'] }, { name: 'static-pie', flags: ['-static-pie'] }] as const;

describe('guest programs', function () {
  this.timeout(120_000);
  for (const name of guestNames()) {
    for (const variant of VARIANTS) {
      if (variant.name !== 'dynamic' && name !== 'hello' && name !== 'threads') continue;
      for (const cores of [1, 2]) {
        it(`${name} (${variant.name}, ${cores} core${cores > 1 ? 's' : ''})`, async () => {
          const binary = compileGuest(name, variant.flags);
          const args = ARGUMENTS[name] ?? [];
          const native = await run(binary, args);
          const ours = await troupe([binary, ...args], { cores, flags: SAME_USER });
          expect(ours.stderr).to.equal(native.stderr);
          expect(ours.stdout).to.equal(native.stdout);
          expect(ours.status).to.equal(native.status);
        });
      }
    }
  }

  for (const name of ['threads', 'shared']) {
    it(`${name}: 1,000 rounds on 2 cores`, async function () {
      this.timeout(300_000);
      const binary = compileGuest(name);
      const native = await run(binary, ['1000']);
      const ours = await troupe([binary, '1000'], { cores: 2, timeoutMs: 280_000 });
      expect(ours.stdout).to.equal(native.stdout);
      expect(ours.status).to.equal(0);
    });
  }
});
