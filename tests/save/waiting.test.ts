/** A program is saved in every way of waiting and goes on in another kernel as if nothing had happened. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { compileGuest } from '../support/guest-program.js';
import { ROOT } from '../support/paths.js';
import { runInterrupted } from '../support/save.js';

const PROGRAM = compileGuest('waiting', [], join(ROOT, 'tests/save/programs'));
const KINDS = execFileSync(PROGRAM, { encoding: 'utf8' }).trim().split('\n');
/** Into the wait after it was announced. */
const SETTLE_MS = 30;

describe('save and restore of a program that waits', () => {
  KINDS.forEach((kind, index) => {
    it(kind, async function () {
      this.timeout(60_000);
      const native = execFileSync(PROGRAM, [kind], { encoding: 'utf8' });
      const outcome = await runInterrupted([PROGRAM, kind], {
        first: { cores: 1 + (index & 1) }, second: { cores: 1 + ((index >> 1) & 1) },
        when: async (output, process) => {
          await output.saw('waiting', process);
          await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
        },
      });
      expect(outcome).to.deep.equal({ output: native, code: 0, signo: 0 });
    });
  });
});
