/** The command on a terminal: what is typed while it starts is shown and read as natively. */
import { expect } from 'chai';
import { join } from 'node:path';
import { compileGuest } from '../../support/guest-program.js';
import { ROOT, TROUPE } from '../../support/paths.js';
import { run } from '../../support/run.js';

const LINE = 'typed ahead';

describe('type-ahead on a terminal', function () {
  this.timeout(120_000);
  const ptyRun = compileGuest('pty-run', [], join(ROOT, 'tests/unit/cli/programs'));

  for (const delayMs of [0, 60, 120, 240, 1500]) {
    it(`a line after ${delayMs} ms`, async () => {
      const native = await run(ptyRun, [String(delayMs), LINE, 'cat']);
      expect(native.stdout).to.equal(`${LINE}\r\n${LINE}\r\n`);
      const ours = await run(ptyRun, [String(delayMs), LINE, process.execPath, TROUPE, 'do', '--cores', '1', '--', 'cat']);
      expect(ours.stdout).to.equal(native.stdout);
    });
  }
});
