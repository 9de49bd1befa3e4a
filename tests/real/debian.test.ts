// Debian's own programs, natively and under Troupe with one and two cores.
import { expect } from 'chai';
import { hasRootfs, nativeScript, troupeScript } from '../support/debian.js';
import { ensureRootfs } from '../support/rootfs.js';
import { BUSYBOX_SCRIPT, DEBIAN_CASES } from './debian-cases.js';

describe('Debian programs', function () {
  this.timeout(600_000);

  before(function () {
    ensureRootfs();
    if (!hasRootfs()) {
      if (process.env['CI']) throw new Error('the Debian root folder is missing: apt-get and dpkg-deb are needed');
      console.log('      skipped: Debian programs (apt-get or dpkg-deb is missing)');
      this.skip();
    }
  });

  for (const { name, script, shell } of DEBIAN_CASES) {
    const isBusybox = shell === '/bin/busybox';
    const text = isBusybox ? `/bin/busybox sh -c '${BUSYBOX_SCRIPT.replaceAll("'", "'\\''")}'` : script;
    for (const cores of [1, 2]) {
      it(`${name} (${cores} core${cores > 1 ? 's' : ''})`, async () => {
        const native = await nativeScript(text, isBusybox ? '/bin/bash' : shell);
        const ours = await troupeScript(text, cores, isBusybox ? '/bin/bash' : shell);
        expect(ours.stdout).to.equal(native.stdout);
        expect(ours.stderr).to.equal(native.stderr);
        expect(ours.status).to.equal(native.status);
      });
    }
  }
});
