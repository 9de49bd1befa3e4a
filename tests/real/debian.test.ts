// Debian's own programs: each script in debian/ prints the same natively and under Troupe, with one and
// with two cores. The first line names the shell, the second the job.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasRootfs, MACHINES, machineName, nativeScript, troupeScript } from '../support/debian.js';
import { ROOT } from '../support/paths.js';
import { ensureRootfs } from '../support/rootfs.js';
import type { RunResult } from '../support/run.js';

const SCRIPTS = join(ROOT, 'tests/real/debian');
/** Processes, namespaces, terminals: what they do depends on how calls and signals meet guest code. */
const WITH_BOTH_ENGINES: ReadonlySet<string> = new Set(['bash.sh', 'bubblewrap.sh', 'libseccomp.sh', 'namespaces.sh', 'process-tools.sh', 'procps.sh', 'script.sh', 'util-linux.sh']);

describe('Debian programs', function () {
  this.timeout(600_000);

  before(function () {
    ensureRootfs();
    if (hasRootfs()) return;
    if (process.env['CI']) throw new Error('the Debian root folder is missing: apt-get and dpkg-deb are needed');
    console.log('      skipped: Debian programs (apt-get or dpkg-deb is missing)');
    this.skip();
  });

  for (const file of readdirSync(SCRIPTS)) {
    const text = readFileSync(join(SCRIPTS, file), 'utf8');
    const [shebang, name] = text.split('\n');
    const shell = shebang!.slice(2).split(' ');
    let native: Promise<RunResult> | undefined;
    for (const machine of MACHINES) {
      if (machine.engine === 'interp' && !WITH_BOTH_ENGINES.has(file)) continue;
      it(`${name!.slice(2)} (${machineName(machine)})`, async () => {
        const expected = await (native ??= nativeScript(text, shell));
        const ours = await troupeScript(text, machine, shell);
        expect(ours.stdout).to.equal(expected.stdout);
        expect(ours.stderr).to.equal(expected.stderr);
        expect(ours.status).to.equal(expected.status);
      });
    }
  }
});
