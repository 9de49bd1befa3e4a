import { Errno, TCB } from '@troupe/abi';
import { expect } from 'chai';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../../../..');
const load = async () => (await import(pathToFileURL(join(ROOT, 'scripts/inline-constants.mjs')).href)) as { inlineNumbers: (text: string) => string };

describe('numbers of the ABI in the bundles', () => {
  it('stand in the place of names that a module imports from the ABI', async () => {
    const { inlineNumbers } = await load();
    const from = "import { Errno, TCB } from '@troupe/abi';\n";
    expect(inlineNumbers(`${from}x = -Errno.EAGAIN + TCB.off.rip;`)).to.equal(`${from}x = -${Errno.EAGAIN} + ${TCB.off.rip};`);
  });

  it('leave texts, other objects, unknown names and assignments alone', async () => {
    const { inlineNumbers } = await load();
    const text = "import { Errno, TCB } from '@troupe/abi';\nx = 'Errno.EAGAIN'; y.Errno.EAGAIN; Errno.NONE; TCB.off[key]; Errno.EAGAIN = 1; Errno.EAGAINST; Errno[EAGAIN]; Nr.read;";
    expect(inlineNumbers(text)).to.equal(text);
  });
});
